// Starts the documents page: choose or create a dataset, fill it, look into it.

import { Api, describe } from "../shared/api.js";
import { DocumentTable } from "./document-table.js";
import { byId } from "../shared/dom.js";
import { SearchBox } from "./search-box.js";
import { chatWith } from "./talk.js";
import { UploadBox } from "./upload-box.js";

class DocumentsPage {
  constructor(api) {
    this.api = api;
    this.dataset = null;
    this.table = new DocumentTable(api, (error) => this.#say(error));
    this.search = new SearchBox(api);
    this.uploads = new UploadBox(api, () => this.table.refresh());
    byId("dataset").addEventListener("change", (event) => this.choose(event.target.value));
    byId("create").addEventListener("submit", (event) => this.#submit(event, () => this.create()));
    byId("talk").addEventListener("click", (event) => this.#submit(event, () => this.talk()));
  }

  async load(wanted) {
    this.datasets = await this.api.list("/v1/datasets");
    const options = this.datasets.map(({ id, name }) => new Option(name, id));
    byId("dataset").replaceChildren(...options);
    byId("dataset").parentElement.hidden = options.length === 0;
    const chosen = this.datasets.find(({ id }) => id === wanted) ?? this.datasets[0];
    if (chosen) await this.choose(chosen.id);
  }

  async choose(id) {
    this.dataset = this.datasets.find((dataset) => dataset.id === id);
    byId("dataset").value = id;
    byId("of-dataset").hidden = false;
    history.replaceState(null, "", `?dataset=${encodeURIComponent(id)}`);
    this.uploads.dataset = id;
    this.search.show(id);
    await this.table.show(id);
  }

  async create() {
    const name = byId("dataset-name").value.trim();
    if (!name) return;
    const dataset = await this.api.post("/v1/datasets", { name });
    byId("dataset-name").value = "";
    await this.load(dataset.id);
  }

  async talk() {
    const app = await chatWith(this.api, this.dataset);
    location.assign(`/?app=${encodeURIComponent(app.slug)}`);
  }

  async #submit(event, action) {
    event.preventDefault();
    this.#say(null);
    try {
      await action();
    } catch (error) {
      this.#say(error);
    }
  }

  #say(error) {
    byId("status").textContent = error === null ? "" : describe(error).detail;
  }
}

async function start() {
  const page = new DocumentsPage(await Api.open());
  await page.load(new URLSearchParams(location.search).get("dataset"));
  document.body.dataset.ready = "true";
}

start().catch((error) => {
  byId("status").textContent = describe(error).detail;
});
