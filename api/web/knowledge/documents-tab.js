// The documents of a knowledge base: filter, sort, and what can be done about one or many.

import { describe } from "../shared/api.js";
import { button, checkBox, choice, complain, confirmed, serverSays, textBox, toast } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { bytes, count, day, t } from "../shared/words.js";
import { Uploads } from "./uploads.js";

const MOST = 2000;
const POLL_MS = 2000;
const STATUS = { pending: t("waiting"), indexing: t("reading"), ready: t("ready"), failed: t("failed") };
const COLUMNS = [
  ["name", t("Name")],
  ["status", t("Status")],
  ["size_bytes", t("Size")],
  ["chunk_count", t("Passages")],
  ["updated_at", t("Changed")],
];

export class DocumentsTab {
  #timer = null;
  #stopped = false;

  constructor(api, dataset) {
    this.api = api;
    this.dataset = dataset;
    this.documents = [];
    this.wanted = { q: "", status: "" };
    this.sorting = { by: "name", down: false };
    this.chosen = new Set();
    this.uploads = new Uploads(api, dataset, () => this.refresh());
    this.table = element("div");
    this.bulk = element("div", { class: "row bulk" });
  }

  draw(panel) {
    const search = textBox("", (q) => this.#want({ q }), { type: "search", placeholder: t("Find by name"), "aria-label": t("Find by name") });
    const states = [["", t("All")], ...Object.entries(STATUS)];
    const filter = choice(states, "", (status) => this.#want({ status }), { "aria-label": t("Status") });
    const tools = element("div", { class: "row tools-row" }, search, filter, this.bulk);
    panel.append(this.uploads.root, element("section", { class: "panel" }, tools, this.table));
    this.refresh();
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #want(change) {
    Object.assign(this.wanted, change);
    this.refresh();
  }

  // Reads the list again, and goes on doing so while something is still being read.
  async refresh() {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    const asked = JSON.stringify(this.wanted);
    const query = Object.fromEntries(Object.entries(this.wanted).filter(([, value]) => value));
    try {
      const found = await this.api.list(`/v1/datasets/${this.dataset.id}/documents`, query, MOST);
      if (asked !== JSON.stringify(this.wanted)) return;
      this.documents = found;
    } catch (error) {
      complain(error);
    }
    this.#drawTable();
    const isBusy = this.documents.some(({ status }) => status === "pending" || status === "indexing");
    if (isBusy && !this.#stopped) this.#timer = setTimeout(() => this.refresh(), POLL_MS);
  }

  #drawTable() {
    const known = new Set(this.documents.map(({ id }) => id));
    for (const id of this.chosen) if (!known.has(id)) this.chosen.delete(id);
    this.#drawBulk();
    if (this.documents.length === 0) {
      const isFiltered = this.wanted.q || this.wanted.status;
      const nothing = isFiltered ? t("No document matches.") : t("No documents yet. Add the first ones above.");
      this.table.replaceChildren(element("p", { class: "fine" }, nothing));
      return;
    }
    const { by, down } = this.sorting;
    const rows = [...this.documents].sort((one, other) => compared(one[by], other[by]) * (down ? -1 : 1));
    this.table.replaceChildren(element("table", { "aria-label": t("Documents") },
      element("thead", {}, element("tr", {}, element("th", {}, this.#all()), ...COLUMNS.map((column) => this.#head(column)))),
      element("tbody", {}, ...rows.map((document) => this.#row(document)))));
  }

  #head([key, label]) {
    const { by, down } = this.sorting;
    const direction = by === key ? (down ? "descending" : "ascending") : "none";
    const sort = () => {
      this.sorting = { by: key, down: by === key && !down };
      this.#drawTable();
    };
    return element("th", { "aria-sort": direction }, element("button", { type: "button", class: "sort", onclick: sort }, label));
  }

  #all() {
    const every = this.documents.every(({ id }) => this.chosen.has(id));
    const toggle = (isOn) => {
      this.chosen = new Set(isOn ? this.documents.map(({ id }) => id) : []);
      this.#drawTable();
    };
    return checkBox(hidden(t("Choose all")), every, toggle);
  }

  #row(document) {
    const { id, name, status, error } = document;
    const toggle = (isOn) => {
      this.chosen[isOn ? "add" : "delete"](id);
      this.#drawBulk();
    };
    const path = `/console/knowledge/${this.dataset.id}/documents/${id}`;
    const reason = error ? serverSays("div", { class: "reason-line" }, error) : null;
    return element("tr", { "data-name": name, "data-status": status },
      element("td", {}, checkBox(hidden(t("Choose {name}", { name })), this.chosen.has(id), toggle)),
      element("td", {}, element("a", { href: path }, name), reason),
      element("td", {}, element("span", { class: `status ${status}` }, document.enabled || status !== "ready" ? STATUS[status] : t("switched off"))),
      element("td", { class: "number-cell" }, bytes(document.size_bytes)),
      element("td", { class: "number-cell" }, String(document.chunk_count || "")),
      element("td", { class: "number-cell" }, day(document.updated_at)));
  }

  #drawBulk() {
    const chosen = this.documents.filter(({ id }) => this.chosen.has(id));
    if (chosen.length === 0) {
      const more = this.documents.length >= MOST ? "+" : "";
      this.bulk.replaceChildren(element("span", { class: "fine" }, count(this.documents.length, "{n} document", "{n} documents") + more));
      return;
    }
    const failed = chosen.filter(({ status }) => status === "failed");
    const retry = button(t("Try again"), () => this.#each(failed, ({ id }) => this.api.post(`/v1/documents/${id}/retry`)), { symbol: "retry" });
    const remove = button(t("Delete"), () => this.#remove(chosen), { kind: "danger", symbol: "trash" });
    const isOn = chosen.some(({ enabled }) => enabled);
    const turn = ({ id }) => this.api.send("PATCH", `/v1/documents/${id}`, { body: { enabled: !isOn } });
    const toggle = button(isOn ? t("Switch off") : t("Switch on"), () => this.#each(chosen, turn));
    this.bulk.replaceChildren(element("span", {}, t("{n} chosen", { n: chosen.length })), ...(failed.length > 0 ? [retry] : []), toggle, remove);
  }

  async #remove(chosen) {
    const what = chosen.length === 1 ? `“${chosen[0].name}”` : count(chosen.length, "{n} document", "{n} documents");
    const question = t("Delete {what}? Answers stop using it at once.", { what });
    if (await confirmed(question, t("Delete"))) await this.#each(chosen, ({ id }) => this.api.delete(`/v1/documents/${id}`));
  }

  async #each(documents, act) {
    this.chosen.clear();
    for (const document of documents) {
      try {
        await act(document);
      } catch (error) {
        toast(`${document.name}: ${describe(error).detail}`, "bad");
      }
    }
    await this.refresh();
  }
}

const hidden = (text) => element("span", { class: "hidden" }, text);

function compared(one, other) {
  if (typeof one === "number") return one - other;
  return String(one).localeCompare(String(other), undefined, { numeric: true });
}
