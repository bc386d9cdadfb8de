// Says in the reader's words where an answer comes from; for admins also by which variant and why.

import { element } from "../shared/dom.js";
import { t } from "../shared/words.js";

const VARIANTS = { base: t("Usual model"), tuned: t("Fine-tuned model") };

const REASONS = {
  requested: t("you chose it"),
  pinned: t("kept for this conversation"),
  rule: t("by a rule"),
  canary: t("for a share of conversations"),
  no_tuned_variant: t("there is no fine-tuned model"),
  fallback: t("the fine-tuned model failed"),
  circuit_open: t("the fine-tuned model keeps failing"),
  shut_down: t("the fine-tuned model was shut down"),
};
const WARNINGS = ["fallback", "circuit_open", "shut_down"];

const QUOTED = t("Answered from your documents, word for word");

// The badge's elements for a route {variant, reason, model, draft_model?}.
export function routeBadge({ variant, reason, model, draft_model: draft }) {
  const isQuoted = model === "extractive" && !draft;
  const reasons = reason.split(", ").filter((one) => one in REASONS);
  const nodes = [];
  if (variant === "tuned" || reasons.length > 0) {
    nodes.push(element("span", { class: `badge ${variant}` }, VARIANTS[variant] ?? variant));
  }
  if (isQuoted) nodes.push(element("span", { class: "badge quoted" }, QUOTED));
  else nodes.push(element("span", { class: "model" }, draft ? `${draft} → ${model}` : model));
  if (reasons.length > 0) {
    const why = element("span", { class: "reason" }, reasons.map((one) => REASONS[one]).join(", "));
    if (reasons.some((one) => WARNINGS.includes(one))) why.classList.add("warning");
    nodes.push(why);
  }
  return nodes;
}
