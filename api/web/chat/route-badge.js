// Says which variant answered, with which model, and why: nobody should have to guess that.

import { element } from "../shared/dom.js";

const VARIANTS = { base: "Base", tuned: "Tuned" };

const REASONS = {
  requested: "you chose it",
  pinned: "kept for this conversation",
  rule: "a rule",
  canary: "a share of conversations",
  default: "the app's setting",
  no_tuned_variant: "there is no tuned variant",
  fallback: "the tuned model failed",
  circuit_open: "the tuned model keeps failing",
  shut_down: "the tuned model was shut down",
};
const WARNINGS = ["fallback", "circuit_open", "shut_down"];

const EXTRACTIVE =
  "Sentences taken word for word from the documents. No language model is at work.";

// The badge's elements for a route {variant, reason, model, draft_model?}.
export function routeBadge({ variant, reason, model, draft_model: draft }) {
  const extractive = model === "extractive";
  const label = element("span", { class: `badge ${variant}` }, VARIANTS[variant] ?? variant);
  const name = extractive
    ? element("span", { class: "badge extractive", title: EXTRACTIVE }, "Extractive")
    : element("span", { class: "model" }, draft ? `${draft} → ${model}` : model);
  const reasons = reason.split(", ").filter((one) => one !== "extractive"); // the badge says that
  const words = reasons.map((one) => REASONS[one] ?? one.replaceAll("_", " ")).join(", ");
  const why = element("span", { class: "reason" }, words);
  if (reasons.some((one) => WARNINGS.includes(one))) why.classList.add("warning");
  return [label, name, why];
}
