// Searching a dataset: what a question would find, with the scores.

import { describe } from "../shared/api.js";
import { byId, element } from "../shared/dom.js";

export class SearchBox {
  #latest = 0;

  constructor(api) {
    this.api = api;
    this.datasetId = null;
    byId("search").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#search();
    });
  }

  show(datasetId) {
    this.datasetId = datasetId;
    this.#latest += 1;
    byId("hits").replaceChildren();
    byId("search-note").textContent = "";
  }

  async #search() {
    const request = (this.#latest += 1);
    const body = { query: byId("query").value, mode: byId("mode").value, top_k: 8 };
    const path = `/v1/datasets/${encodeURIComponent(this.datasetId)}/search`;
    let note;
    let hits = [];
    try {
      const found = await this.api.post(path, body);
      hits = found.hits;
      note = hits.length > 0 ? `${hits.length} found in ${Math.round(found.took_ms)} ms` : "Nothing found";
    } catch (error) {
      note = describe(error).detail;
    }
    if (request !== this.#latest) return;
    byId("search-note").textContent = note;
    byId("hits").replaceChildren(...hits.map(hitRow));
  }
}

function hitRow({ document_name: name, page, heading, text, score }) {
  return element(
    "li",
    { class: "hit" },
    element(
      "div",
      { class: "hit-head" },
      element("span", { class: "document" }, name),
      element("span", { class: "where" }, `p. ${page}`),
      element("span", { class: "score", title: "Score: higher is better" }, score.toPrecision(2)),
    ),
    heading ? element("div", { class: "heading" }, heading) : null,
    element("p", { tabindex: 0 }, text),
  );
}
