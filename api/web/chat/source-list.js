// The numbered passages under an answer: the cited ones first, the others folded away.

import { element } from "../shared/dom.js";
import { count, t } from "../shared/words.js";

// Nodes for sources [{n, document_name, page, heading?, score}]; `open(n)` shows the passage.
export function sourceList(sources, cited, open) {
  if (sources.length === 0) return [];
  const used = sources.filter((source) => cited.includes(source.n));
  const others = sources.filter((source) => !cited.includes(source.n));
  const nodes = [];
  if (used.length > 0) {
    nodes.push(element("h3", { class: "sources-title" }, used.length === 1 ? t("Source") : t("Sources")));
    nodes.push(rows(used, open));
  }
  if (others.length > 0) nodes.push(folded(others, used.length > 0, open));
  return nodes;
}

function folded(sources, anyCited, open) {
  const passages = count(sources.length, "{n} passage", "{n} passages");
  const title = anyCited ? t("{passages} found, not cited", { passages }) : t("{passages} found, none cited", { passages });
  return element("details", { class: "others" }, element("summary", {}, title), rows(sources, open));
}

function rows(sources, open) {
  const items = sources.map((source) => element("li", {}, sourceButton(source, open)));
  return element("ol", { class: "sources" }, ...items);
}

function sourceButton({ n, document_name: name, page, heading, score, text }, open) {
  const where = element("span", { class: "where" }, t("p. {n}", { n: page }));
  const preview = heading || (text ?? "").trim().split("\n", 1)[0];
  return element(
    "button",
    { type: "button", class: "source", "data-n": n, onclick: () => open(n) },
    element("span", { class: "number", "aria-hidden": "true" }, String(n)),
    element(
      "span",
      { class: "source-text" },
      element("span", { class: "document" }, name),
      element("span", { class: "heading" }, preview),
    ),
    where,
    element("span", { class: "score", title: t("Score: higher is better") }, shownScore(score)),
  );
}

const shownScore = (score) => (typeof score === "number" ? score.toPrecision(2) : "");
