// Uploading: files and folders by drop or picker, or a pasted text. Files go in requests of a bounded
// size, one after another; each has a bar, and every file that fails stands below it with its reason.

import { describe } from "../shared/api.js";
import { button, dialog, field, serverSays, textBox } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { count, t } from "../shared/words.js";
import { followBatch } from "./batch.js";
import { droppedFiles, pickedFiles } from "./files.js";
import { portions, upload } from "./upload.js";

export class Uploads {
  // `onChange()` is called when documents have come or changed.
  constructor(api, dataset, onChange) {
    this.api = api;
    this.dataset = dataset;
    this.onChange = onChange;
    this.batches = element("div", { class: "stack" });
    this.area = this.#area();
    this.root = element("section", { class: "panel", "aria-label": t("Upload") }, this.area, this.batches);
  }

  #area() {
    const files = this.#picker(t("Files"), { multiple: true });
    const folder = this.#picker(t("Folder"), { webkitdirectory: true });
    const area = element("div", { class: "drop" },
      element("p", {}, t("Drop files, folders or zip archives here")),
      element("div", { class: "row" },
        button(t("Choose files"), () => files.click(), { kind: "primary", symbol: "upload" }),
        button(t("Choose a folder"), () => folder.click()),
        button(t("Paste a text"), () => this.#paste())),
      files, folder);
    const over = (isOver) => area.classList.toggle("over", isOver);
    for (const type of ["dragenter", "dragover"]) {
      area.addEventListener(type, (event) => { event.preventDefault(); over(true); });
    }
    area.addEventListener("dragleave", () => over(false));
    area.addEventListener("drop", async (event) => {
      event.preventDefault();
      over(false);
      this.add(await droppedFiles(event.dataTransfer));
    });
    return area;
  }

  #picker(name, attributes) {
    const input = element("input", { type: "file", hidden: true, "aria-label": name, ...attributes });
    input.addEventListener("change", () => {
      const files = pickedFiles(input.files);
      input.value = ""; // so that the same file can be chosen again
      this.add(files);
    });
    return input;
  }

  #paste() {
    const wanted = { name: "", text: "" };
    const name = textBox("", (text) => (wanted.name = text), { maxlength: 200, placeholder: t("notes.md") });
    const text = textBox("", (value) => (wanted.text = value), { rows: 8 });
    dialog(t("Paste a text"), [field(t("Name"), name), field(t("Text"), text)], [{
      label: t("Add"),
      kind: "primary",
      run: () => {
        if (!wanted.text.trim()) throw new Error(t("There is no text yet."));
        const file = new File([wanted.text], wanted.name.trim() || t("notes.md"), { type: "text/markdown" });
        this.add([{ path: file.name, file }]);
      },
    }]);
  }

  async add(files) {
    for (const portion of portions(files)) {
      const row = new BatchRow(portion.length);
      this.batches.prepend(row.root);
      try {
        await this.#send(portion, row);
      } catch (error) {
        row.fail(describe(error).detail);
      }
      this.onChange();
    }
  }

  async #send(portion, row) {
    const accepted = await upload(this.api, this.dataset.id, portion, (share) => row.sent(share));
    row.reject(accepted.rejected);
    this.onChange();
    if (!accepted.batch_id) return row.finish(t("Nothing new"));
    for await (const state of followBatch(this.api, accepted.batch_id)) row.progress(state);
    await this.#explain(accepted.batch_id, row);
  }

  async #explain(batchId, row) {
    const { documents } = await this.api.get(`/v1/batches/${batchId}`, { status: "failed" });
    row.reject(documents.map(({ name, error }) => ({ name, ...(error ?? { detail: t("failed") }) })));
  }
}

class BatchRow {
  constructor(number) {
    this.what = count(number, "{n} file", "{n} files");
    this.label = element("span", { role: "status" }, t("Sending {what}", { what: this.what }));
    this.bar = element("progress", { max: 1, value: 0, "aria-label": t("Upload of {what}", { what: this.what }) });
    this.problems = element("ul", { class: "problems" });
    this.root = element("div", { class: "batch" }, this.label, this.bar, this.problems);
  }

  sent(share) {
    this.bar.value = share;
    if (share === 1) this.label.textContent = t("Storing {what}", { what: this.what });
  }

  progress({ total, ready, failed, status }) {
    this.bar.value = total > 0 ? (ready + failed) / total : 1;
    const trouble = failed > 0 ? `, ${t("{n} failed", { n: failed })}` : "";
    const done = t("{ready} of {total} ready", { ready, total }) + trouble;
    this.root.classList.toggle("bad", failed > 0);
    if (status === "completed") this.finish(done);
    else this.label.textContent = t("Reading: {done}", { done });
  }

  reject(rejected) {
    if (rejected.length > 0) this.root.classList.add("bad");
    const lines = rejected.map((one) =>
      element("li", {}, element("strong", {}, one.name), " ", serverSays("span", {}, one)));
    this.problems.append(...lines);
  }

  finish(text) {
    this.label.textContent = text;
    this.bar.value = 1;
    this.root.dataset.done = "true";
  }

  fail(text) {
    this.root.classList.add("bad");
    this.root.dataset.done = "true";
    this.label.textContent = t("{what} could not be uploaded", { what: this.what });
    this.bar.remove();
    this.problems.append(element("li", {}, text));
  }
}
