// One document: its pages with the passages laid over them, what cleaning left out, the receipt as a
// balance, and its versions.

import { button, complain, confirmed, dialog, link, serverSays, tabs, toast } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { utf16Offsets } from "../shared/offsets.js";
import { bytes, count, minute, t } from "../shared/words.js";
import { RULE_NAMES } from "./processing.js";
import { drawSwitches } from "./switches.js";

const MOST_PAGES = 500;
const PARTS = [["kept", t("searched")], ["removed", t("left out by rules")], ["blank", t("blank space")], ["lost", t("lost")]];

export async function open({ api, params, root, go, title, actions }) {
  const path = `/v1/documents/${encodeURIComponent(params.document)}`;
  const document = await api.get(path);
  const home = `/console/knowledge/${params.id}`;
  title(document.name);
  actions(link(t("Original file"), `${path}/original`, { kind: "quiet", symbol: "open" }),
    button(t("Delete"), () => remove(api, document, path, () => go(home)), { kind: "danger", symbol: "trash" }));
  root.append(element("p", {}, link(t("Back to the documents"), home)));
  if (document.error && document.status === "pending") root.append(serverSays("div", { class: "fine" }, document.error));
  else if (document.error) root.append(failure(api, document, path));
  const { bar, panel } = tabs([
    { id: "text", label: t("Text and passages"), draw: (panel) => drawText(api, path, panel) },
    { id: "receipt", label: t("Receipt"), draw: (panel) => panel.append(receipt(document)) },
    { id: "switches", label: t("Use"), draw: (panel) => drawSwitches(api, path, document, panel) },
    { id: "versions", label: t("Versions"), draw: (panel) => drawVersions(api, path, document, panel) },
  ], "text");
  root.append(bar, panel);
}

function failure(api, document, path) {
  const again = button(t("Try again"), async () => {
    await api.post(`${path}/retry`).then(() => toast(t("It is being read again.")), complain);
  }, { symbol: "retry" });
  return element("div", { class: "failed" }, serverSays("div", { class: "failure" }, document.error), again);
}

async function remove(api, { name }, path, leave) {
  if (!(await confirmed(t("Delete {what}? Answers stop using it at once.", { what: `“${name}”` }), t("Delete")))) return;
  await api.delete(path).then(leave, complain);
}

async function drawText(api, path, panel) {
  const [pages, chunks] = await Promise.all([api.list(`${path}/pages`, {}, MOST_PAGES), api.list(`${path}/chunks`, {}, 5000)]);
  const wanted = new URLSearchParams(location.search).get("page");
  const legend = element("p", { class: "fine" },
    t("{chunks} on {pages}. Each shade is one passage; what has none is blank or left out.", {
      chunks: count(chunks.length, "{n} passage", "{n} passages"), pages: count(pages.length, "{n} page", "{n} pages"),
    }));
  const nodes = pages.map((page) => pageNode(page, chunks, (chunk) => showPassage(api, chunk)));
  panel.append(element("section", { class: "panel" }, legend, ...nodes));
  panel.querySelector(`[data-page="${CSS.escape(wanted ?? "")}"]`)?.scrollIntoView();
}

function pageNode({ number, text }, chunks, show) {
  const place = utf16Offsets(text);
  const spans = chunks.flatMap((chunk) => chunk.spans.filter(({ page }) => page === number)
    .map(({ start, end }) => ({ start: place(start), end: place(end), chunk })));
  spans.sort((one, other) => one.start - other.start);
  const parts = [];
  let at = 0;
  for (const { start, end, chunk } of spans) {
    if (end <= at) continue;
    parts.push(element("span", { class: "left-out" }, text.slice(at, Math.max(at, start))));
    const title = t("Passage {n}", { n: chunk.index + 1 }) + (chunk.heading ? ` · ${chunk.heading}` : "");
    const attributes = { class: `piece shade-${chunk.index % 3}`, title, role: "button", tabindex: 0, "data-chunk": chunk.id, "aria-disabled": chunk.enabled ? undefined : "true" };
    const open = () => show(chunk);
    const byKey = (event) => event.key === "Enter" && open();
    parts.push(element("span", { ...attributes, onclick: open, onkeydown: byKey }, text.slice(Math.max(at, start), end)));
    at = end;
  }
  parts.push(element("span", { class: "left-out" }, text.slice(at)));
  return element("article", { class: "paper", "data-page": number, "aria-label": t("page {n}", { n: number }) },
    element("h3", { class: "label" }, t("page {n}", { n: number })), element("div", { class: "passage-text" }, ...parts));
}

// One passage as it is searched, with its switch.
function showPassage(api, chunk) {
  const label = chunk.enabled ? t("Switch off") : t("Switch on");
  const turn = async () => {
    Object.assign(chunk, await (await api.send("PATCH", `/v1/chunks/${chunk.id}`, { body: { enabled: !chunk.enabled } })).json());
    for (const piece of window.document.querySelectorAll(`[data-chunk="${CSS.escape(chunk.id)}"]`)) {
      if (chunk.enabled) piece.removeAttribute("aria-disabled");
      else piece.setAttribute("aria-disabled", "true");
    }
  };
  const text = element("p", { class: "passage-text scroll", tabindex: 0 }, chunk.index_text);
  dialog(t("Passage {n}", { n: chunk.index + 1 }), [element("p", { class: "fine" }, chunk.heading), text], [{ label, run: turn }]);
}

function receipt({ receipt, size_bytes: size, sha256, updated_at: updated }) {
  if (!receipt) return element("p", { class: "fine" }, t("The receipt comes when the document has been read."));
  const { balance, removed = {}, warnings = [] } = receipt;
  const whole = balance.characters || 1;
  const bar = element("div", { class: "balance", "aria-hidden": "true" }, ...PARTS.map(([name]) => {
    const part = element("span", { class: name });
    part.style.flexGrow = String(balance[name] / whole);
    return part;
  }));
  const sums = PARTS.map(([name, label]) => row(label, balance[name].toLocaleString()));
  const rules = Object.entries(removed).map(([rule, n]) => row(RULE_NAMES[rule] ?? rule, n.toLocaleString(), "sub"));
  const verdict = balance.lost === 0 ? t("Every character is accounted for.") : t("Characters were lost: please report this.");
  return element("section", { class: "panel" }, element("h2", {}, verdict), bar,
    element("table", { "aria-label": t("Receipt") }, element("tbody", {},
      row(t("characters in the document"), balance.characters.toLocaleString(), "sum"), ...sums.slice(0, 2), ...rules, ...sums.slice(2),
      row(t("passages"), receipt.chunks), row(t("pages"), receipt.pages), row(t("read by"), receipt.parser), row(t("file"), `${bytes(size)} · ${minute(updated)}`), row("SHA-256", sha256))),
    warnings.length > 0 ? element("ul", { class: "problems" }, ...warnings.map((text) => element("li", {}, text))) : null);
}

const row = (label, value, kind = "") =>
  element("tr", { class: kind }, element("th", { scope: "row" }, label), element("td", {}, String(value)));

async function drawVersions(api, path, document, panel) {
  const { data } = await api.get(`${path}/versions`);
  const old = data.map(({ version, created_at: made }) => element("li", {}, t("Version {n}", { n: version }), ` · ${minute(made)} `,
    link(t("Original file"), `${path}/original?version=${version}`)));
  panel.append(element("section", { class: "panel" }, element("p", {}, t("Version {n} answers now.", { n: document.live_version ?? "–" })),
    old.length > 0 ? element("ul", {}, ...old) : element("p", { class: "fine" }, t("Earlier versions are kept only where an upload asks for it (mode=version)."))));
}
