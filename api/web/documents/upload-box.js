// Uploading: files and folders by drop or picker, in requests of a bounded size, one after another,
// each with a bar that first follows the bytes and then the documents.

import { describe } from "../shared/api.js";
import { followBatch } from "./batch.js";
import { byId, element } from "../shared/dom.js";
import { droppedFiles, pickedFiles } from "./files.js";
import { portions, upload } from "./upload.js";

export class UploadBox {
  // `onChange()` is called when documents have come or changed.
  constructor(api, onChange) {
    this.api = api;
    this.onChange = onChange;
    this.dataset = null;
    for (const [button, input] of [["pick-files", "files"], ["pick-folder", "folder"]]) {
      byId(button).addEventListener("click", () => byId(input).click());
      byId(input).addEventListener("change", () => {
        const files = pickedFiles(byId(input).files);
        byId(input).value = ""; // so that the same file can be chosen again
        this.#add(files);
      });
    }
    this.#listenForDrops();
  }

  #listenForDrops() {
    const area = byId("drop");
    const over = (isOver) => area.classList.toggle("over", isOver);
    addEventListener("dragover", (event) => event.preventDefault()); // a miss must not leave the page
    addEventListener("drop", (event) => event.preventDefault());
    area.addEventListener("dragover", () => over(true));
    area.addEventListener("dragleave", () => over(false));
    area.addEventListener("drop", async (event) => {
      over(false);
      this.#add(await droppedFiles(event.dataTransfer));
    });
  }

  async #add(files) {
    const dataset = this.dataset;
    for (const portion of portions(files)) {
      const row = new BatchRow(portion.length);
      byId("batches").prepend(row.root);
      try {
        await this.#send(dataset, portion, row);
      } catch (error) {
        row.fail(describe(error).detail);
      }
      this.onChange();
    }
  }

  async #send(dataset, portion, row) {
    const accepted = await upload(this.api, dataset, portion, (share) => row.sent(share));
    row.reject(accepted.rejected);
    this.onChange();
    if (!accepted.batch_id) return row.finish("Nothing new");
    for await (const state of followBatch(this.api, accepted.batch_id)) row.progress(state);
  }
}

class BatchRow {
  constructor(count) {
    this.what = count === 1 ? "1 file" : `${count} files`;
    this.label = element("span", { role: "status" }, `Sending ${this.what}`);
    this.bar = element("progress", { max: 1, value: 0, "aria-label": `Upload of ${this.what}` });
    this.problems = element("div");
    this.root = element("div", { class: "batch" }, this.label, this.bar, this.problems);
  }

  sent(share) {
    this.bar.value = share;
    if (share === 1) this.label.textContent = `Storing ${this.what}`;
  }

  progress({ total, ready, failed, status }) {
    this.bar.value = total > 0 ? (ready + failed) / total : 1;
    const trouble = failed > 0 ? `, ${failed} failed` : "";
    if (status === "completed") this.finish(`${ready} of ${total} ready${trouble}`);
    else this.label.textContent = `Indexing: ${ready} of ${total} ready${trouble}`;
  }

  reject(rejected) {
    const lines = rejected.map(({ name, detail }) => `${name}: ${detail}`);
    this.problems.replaceChildren(...lines.map((line) => element("p", { class: "failure" }, line)));
  }

  finish(text) {
    this.label.textContent = text;
    this.bar.value = 1;
    this.root.dataset.done = "true";
  }

  fail(text) {
    this.label.textContent = `${this.what} could not be uploaded`;
    this.bar.remove();
    this.problems.append(element("p", { class: "failure" }, text));
  }
}
