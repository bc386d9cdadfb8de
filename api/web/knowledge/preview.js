// What the chosen rules would do to a file, beside what the present ones do: passages over the text,
// and what cleaning takes out. Nothing is stored.

import { describe } from "../shared/api.js";
import { button, serverSays } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { count, t } from "../shared/words.js";

const SHOWN = 40;

// A button that asks for a file and draws both previews into `root`, beside `others`.
export function drawPreview(api, path, form, root, ...others) {
  const input = element("input", { type: "file", hidden: true, "aria-label": t("File for the preview") });
  input.addEventListener("change", async () => {
    const [file] = input.files;
    input.value = "";
    root.replaceChildren(element("p", { class: "progress" }, t("Reading the file")));
    try {
      const [now, then] = await Promise.all([ask(api, path, file), ask(api, path, file, form.value)]);
      root.replaceChildren(element("div", { class: "columns" }, shown(t("As it is now"), now), shown(t("With these rules"), then)));
    } catch (error) {
      root.replaceChildren(element("p", { class: "failure", role: "alert" }, describe(error).detail));
    }
  });
  return element("div", { class: "row" }, input, button(t("Try on a file"), () => input.click(), { symbol: "file" }), ...others);
}

function ask(api, path, file, processing) {
  const body = new FormData();
  body.append("file", file, file.name);
  if (processing) body.append("processing", JSON.stringify(processing));
  return api.form(`${path}/preview?limit=${SHOWN}`, body);
}

function shown(title, { error, chunks, chunk_count: number, removed, removed_count: gone }) {
  const head = `${count(number, "{n} passage", "{n} passages")}, ${count(gone, "{n} place left out", "{n} places left out")}`;
  const pieces = chunks.map(({ heading, index_text: text, tokens }) =>
    element("li", { class: "hit" }, heading ? element("div", { class: "heading" }, heading) : null,
      element("p", { tabindex: 0 }, text), element("span", { class: "fine" }, t("{n} tokens", { n: tokens }))));
  const left = removed.slice(0, SHOWN).map(({ text, page }) =>
    element("li", {}, element("del", {}, text.trim() || "␣"), ` ${t("page {n}", { n: page })}`));
  return element("section", { class: "stack", "aria-label": title }, element("h3", {}, title),
    error ? serverSays("div", { class: "failure" }, error) : element("p", { class: "fine" }, head),
    element("ol", { class: "hits scroll" }, ...pieces),
    left.length > 0 ? element("details", {}, element("summary", {}, t("What is left out")), element("ul", { class: "problems" }, ...left)) : null);
}
