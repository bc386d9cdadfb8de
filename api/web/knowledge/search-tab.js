// Trying a search: what a question would find, and for each passage why.

import { describe } from "../shared/api.js";
import { button, choice, textBox } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { count, t } from "../shared/words.js";

const MODES = [["hybrid", t("Meaning and words")], ["vector", t("Meaning")], ["keyword", t("Words")]];

export class SearchTab {
  #latest = 0;

  constructor(api, dataset) {
    this.api = api;
    this.dataset = dataset;
    this.wanted = { query: "", mode: "hybrid", top_k: 8 };
  }

  draw(panel) {
    const query = textBox("", (text) => (this.wanted.query = text), { type: "search", maxlength: 2000, placeholder: t("Words or a question"), "aria-label": t("Words or a question") });
    const mode = choice(MODES, "hybrid", (value) => (this.wanted.mode = value), { "aria-label": t("How to search") });
    const form = element("form", { class: "row", role: "search" }, query, mode, button(t("Search"), null, { kind: "primary", type: "submit", symbol: "search" }));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#search();
    });
    this.note = element("p", { class: "fine", role: "status" });
    this.hits = element("ol", { class: "hits" });
    panel.append(element("section", { class: "panel" }, form, this.note, this.hits));
    query.focus();
  }

  async #search() {
    const request = (this.#latest += 1);
    if (!this.wanted.query.trim()) return;
    let hits = [];
    let note;
    try {
      const body = { ...this.wanted, explain: true };
      const found = await this.api.post(`/v1/datasets/${this.dataset.id}/search`, body);
      hits = found.hits;
      const passages = count(hits.length, "{n} passage", "{n} passages");
      note = hits.length > 0 ? t("{passages} in {ms} ms", { passages, ms: Math.round(found.took_ms) }) : t("Nothing found");
    } catch (error) {
      note = describe(error).detail;
    }
    if (request !== this.#latest) return;
    this.note.textContent = note;
    this.hits.replaceChildren(...hits.map((hit, i) => hitRow(hit, i + 1, this.dataset.id)));
  }
}

// One passage that a search has found, with the reasons for its place.
export function hitRow({ document_id: id, document_name: name, page, heading, text, score, why }, n, datasetId) {
  const place = `/console/knowledge/${datasetId}/documents/${id}?page=${page}`;
  return element("li", { class: "hit" },
    element("div", { class: "hit-head" },
      element("span", { class: "number" }, String(n)),
      element("a", { class: "document", href: place }, name),
      element("span", { class: "where" }, t("page {n}", { n: page })),
      element("span", { class: "score", title: t("Score: higher is better") }, score.toFixed(2))),
    heading ? element("div", { class: "heading" }, heading) : null,
    element("p", { tabindex: 0 }, text),
    why ? element("p", { class: "fine" }, reasons(why)) : null);
}

function reasons({ vector_rank: meaning, keyword_rank: words, vector_score: cosine, window, rerank_score: reranked }) {
  const parts = [
    meaning ? t("by meaning: place {n} ({score})", { n: meaning, score: cosine.toFixed(2) }) : t("by meaning: not found"),
    words ? t("by words: place {n}", { n: words }) : t("by words: not found"),
  ];
  if (window !== undefined) parts.push(t("{n} % of the question's words stand together", { n: Math.round(window * 100) }));
  if (reranked !== undefined) parts.push(t("reranked: {score}", { score: reranked.toFixed(2) }));
  return parts.join(" · ");
}
