// What the pages of evaluation have in common: states, marks, and how a question went.

import { serverSays } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { t } from "../shared/words.js";

export const ROOT = "/console/evaluation";
export const OVER = ["succeeded", "failed", "cancelled"];
const STATES = { queued: t("waiting"), running: t("running"), succeeded: t("done"), failed: t("failed"), cancelled: t("stopped") };
const VERDICTS = { answered: t("answered"), weak: t("weak"), refused: t("refused") };

export const statusOf = ({ status }) => element("span", { class: `status ${status === "succeeded" ? "ready" : status}` }, STATES[status] ?? status);

export const rightOf = ({ correct, judged }) => (judged > 0 ? t("{n} of {total}", { n: correct, total: judged }) : "–");

export const percent = (share) => `${Math.round(share * 100)} %`;

// One question of a run, folded: how it went, and inside what was expected, said and found.
export function outcomeNode(outcome, more = null) {
  const { question, is_right: isRight, verdict, rank, error } = outcome;
  const [mark, word, kind] = isRight === null ? ["–", t("not judged"), ""] : isRight ? ["✓", t("went well"), "good"] : ["✗", t("went wrong"), "failure"];
  const place = rank ? t("found at place {n}", { n: rank }) : question.relevant?.length ? t("not found") : null;
  const facts = [error ? t("failed") : VERDICTS[verdict], place].filter(Boolean).map((text) => element("span", { class: "badge" }, text));
  return element("details", { class: "outcome" },
    element("summary", {}, element("span", { class: kind, role: "img", "aria-label": word }, mark), element("span", { class: "asked" }, question.question), ...facts),
    more ?? told(outcome));
}

// What was expected of a question, what was said, and what was found.
export function told({ question, answer, passages, error, error_code: code }) {
  const expected = question.answerable === false ? t("The documents do not answer it: it should be refused.") : [question.answers?.join(" / "), question.reference, question.relevant?.map(placeOf).join(", ")].filter(Boolean).join(" · ");
  return element("div", { class: "stack" },
    expected ? line(t("Expected"), expected) : null,
    error ? serverSays("div", { class: "failure" }, { code, detail: error }) : null,
    answer === null ? null : line(t("Said"), answer),
    element("ol", { class: "hits scroll" }, ...passages.slice(0, 5).map(passage)));
}

export function placeOf({ document, page, start, end }) {
  if (typeof start !== "number") return document;
  return typeof end === "number" && start > 0 ? t("{document}, page {n}, characters {start} to {end}", { document, n: page ?? 1, start, end }) : t("{document}, page {n}", { document, n: page ?? 1 });
}

const line = (name, text) => element("p", { class: "told" }, element("strong", {}, name), " ", text);

const passage = ({ document_name: name, spans, score, text }) => element("li", { class: "hit" },
  element("div", { class: "hit-head" }, element("span", { class: "document" }, name), element("span", { class: "where" }, t("page {n}", { n: spans[0]?.page ?? 1 })), element("span", { class: "score" }, score.toFixed(2))),
  element("p", { tabindex: 0 }, text || t("This document was deleted.")));
