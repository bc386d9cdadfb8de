// The documents of a dataset: what became of each, and what can be done about it.

import { byId, element, iconButton } from "../shared/dom.js";

const PAGE_SIZE = 50;
const POLL_MS = 2000;
const WORDS = { pending: "waiting", indexing: "reading", ready: "ready", failed: "failed" };

export class DocumentTable {
  #cursor = null;
  #timer = null;

  // `onError(error)` is told what went wrong; null when the next attempt begins.
  constructor(api, onError) {
    this.api = api;
    this.onError = onError;
    this.datasetId = null;
    this.shown = PAGE_SIZE;
    byId("more").addEventListener("click", () => {
      this.shown += PAGE_SIZE;
      this.refresh();
    });
  }

  async show(datasetId) {
    this.datasetId = datasetId;
    this.shown = PAGE_SIZE;
    byId("rows").replaceChildren();
    await this.refresh();
  }

  // Reads the list again, and goes on doing so while something is still being worked on.
  async refresh() {
    clearTimeout(this.#timer);
    const id = this.datasetId;
    const documents = await this.#guarded(() => this.#read(id));
    if (documents === undefined || id !== this.datasetId) return;
    this.#draw(documents);
    const isBusy = documents.some(({ status }) => status === "pending" || status === "indexing");
    if (isBusy) this.#timer = setTimeout(() => this.refresh(), POLL_MS);
  }

  async #read(id) {
    const documents = [];
    this.#cursor = null;
    do {
      const limit = Math.min(100, this.shown - documents.length);
      const query = { limit, ...(this.#cursor && { cursor: this.#cursor }) };
      const page = await this.api.get(`/v1/datasets/${encodeURIComponent(id)}/documents`, query);
      documents.push(...page.data);
      this.#cursor = page.next;
    } while (this.#cursor && documents.length < this.shown);
    return documents;
  }

  #draw(documents) {
    byId("rows").replaceChildren(...documents.map((document) => this.#row(document)));
    byId("nothing").hidden = documents.length > 0;
    byId("more").hidden = this.#cursor === null;
    byId("count").textContent = documents.length ? `${documents.length}${this.#cursor ? "+" : ""}` : "";
  }

  #row(document) {
    const { name, status, error } = document;
    const original = `/v1/documents/${encodeURIComponent(document.id)}/original`;
    const link = element("a", { href: original, target: "_blank", rel: "noopener noreferrer" }, name);
    const state = element("span", { class: `status ${status}` }, WORDS[status] ?? status);
    const reason = error ? element("p", { class: "reason-line" }, error.detail) : null;
    return element(
      "tr",
      { "data-name": name, "data-status": status },
      element("td", {}, link, reason),
      element("td", {}, state),
      element("td", { class: "number-cell", "data-label": "pages" }, pagesOf(document)),
      element("td", { class: "number-cell", "data-label": "chunks" }, String(document.chunk_count || "")),
      element("td", { class: "actions" }, ...this.#actions(document)),
    );
  }

  #actions({ id, name, status }) {
    const path = `/v1/documents/${encodeURIComponent(id)}`;
    const remove = iconButton("trash", `Delete ${name}`, async () => {
      if (!confirm(`Delete “${name}”? It stops answering questions at once.`)) return;
      await this.#guarded(() => this.api.delete(path));
      await this.refresh();
    });
    const retry = iconButton("retry", `Try ${name} again`, async () => {
      await this.#guarded(() => this.api.post(`${path}/retry`));
      await this.refresh();
    });
    return status === "failed" ? [retry, remove] : [remove];
  }

  async #guarded(action) {
    try {
      return await action();
    } catch (error) {
      this.onError(error);
      return undefined;
    }
  }
}

function pagesOf({ receipt }) {
  const pages = receipt?.pages;
  return typeof pages === "number" ? String(pages) : "";
}
