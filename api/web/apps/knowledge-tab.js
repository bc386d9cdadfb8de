// What an app answers from and how it searches, with a search to try.

import { describe } from "../shared/api.js";
import { button, checkBox, choice, field, link, textBox } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { t } from "../shared/words.js";
import { drawThresholds } from "./thresholds.js";

const MODES = [["hybrid", t("Meaning and words")], ["vector", t("Meaning")], ["keyword", t("Words")]];

export async function drawKnowledge({ api, draft, root, panel }) {
  const { content } = draft;
  const datasets = await api.list("/v1/datasets");
  const toggle = (id) => (isOn) => draft.change((one) => {
    one.dataset_ids = isOn ? [...one.dataset_ids, id] : one.dataset_ids.filter((other) => other !== id);
  });
  const list = datasets.map(({ id, name }) => checkBox(name, content.dataset_ids.includes(id), toggle(id)));
  const nothing = link(t("Make a knowledge base first"), "/console/knowledge", { kind: "primary" });
  panel.append(
    element("section", { class: "panel" }, element("h2", {}, t("Knowledge bases")), element("div", { class: "stack" }, ...(list.length > 0 ? list : [nothing]))),
    element("section", { class: "panel" }, element("h2", {}, t("Search")), retrieval(draft), tryOut(api, content)),
    element("section", { class: "panel" }, element("h2", {}, t("When the documents do not answer")),
      field(t("Said instead of an answer"), textBox(content.refusal, (text) => draft.change((one) => (one.refusal = text)), { rows: 2, placeholder: t("The usual sentence, in the language of the question") }))),
  );
  await drawThresholds({ api, draft, root, panel });
}

function retrieval(draft) {
  const { retrieval: now } = draft.content;
  const set = (key, read = Number) => (value) => draft.change((one) => (one.retrieval[key] = read(value)));
  const number = (key, usual, attributes) => textBox(now[key] ?? usual, set(key), { type: "number", ...attributes });
  return element("div", { class: "grid" },
    field(t("How to search"), choice(MODES, now.mode, set("mode", String))),
    field(t("Passages at most"), number("top_k", 8, { min: 1, max: 50 })),
    field(t("Tokens of passages at most"), number("context_tokens", 3000, { min: 100, max: 200000 })),
    field(t("Leave out below score"), number("min_score", 0, { min: 0, max: 1, step: 0.05 })),
    field(t("Sure from score"), number("sure_score", 0, { min: 0, max: 1, step: 0.05 }), t("0 takes the calibrated one. Below it, answers say that they may not fit.")));
}

function tryOut(api, content) {
  const hits = element("ol", { class: "hits scroll" });
  let query = "";
  const run = async () => {
    if (!query.trim() || content.dataset_ids.length === 0) return;
    const { top_k, mode, min_score } = content.retrieval;
    try {
      const found = await api.post("/v1/search", { dataset_ids: content.dataset_ids, query, top_k, mode, min_score });
      const rows = found.hits.map((hit) => element("li", { class: "hit" },
        element("div", { class: "hit-head" }, element("span", { class: "document" }, hit.document_name), element("span", { class: "where" }, t("page {n}", { n: hit.page })), element("span", { class: "score" }, hit.score.toFixed(2))),
        element("p", { tabindex: 0 }, hit.text)));
      hits.replaceChildren(...(rows.length > 0 ? rows : [element("li", { class: "fine" }, t("Nothing found"))]));
    } catch (error) {
      hits.replaceChildren(element("li", { class: "failure" }, describe(error).detail));
    }
  };
  const box = textBox("", (text) => (query = text), { type: "search", placeholder: t("Words or a question"), "aria-label": t("Try this search") });
  box.addEventListener("keydown", (event) => event.key === "Enter" && run());
  return element("div", { class: "stack" }, element("div", { class: "row" }, box, button(t("Try this search"), run, { symbol: "search" })), hits);
}
