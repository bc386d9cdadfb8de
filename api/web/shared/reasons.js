// What a dislike may be about, as the API names it.

import { t } from "./words.js";

export const REASONS = {
  wrong: t("It is wrong"),
  incomplete: t("Something is missing"),
  outdated: t("It is out of date"),
  off_topic: t("It answers another question"),
  wrong_source: t("The source does not say so"),
  unclear: t("It is hard to understand"),
};

// What users and the operator have said about an answer, a line for each: [{rating, reason, text}].
export const opinions = (said = []) => said.map(({ source, rating, reason, text }) =>
  [source === "user" ? t("User") : t("Operator"), { like: "👍", dislike: "👎" }[rating], REASONS[reason], text].filter(Boolean).join(" · "));
