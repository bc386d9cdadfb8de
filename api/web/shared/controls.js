// The controls that the pages are made of. Each is named for those who cannot see it.

import { describe } from "./api.js";
import { element, icon } from "./dom.js";
import { t, told } from "./words.js";

export function button(label, onclick, { kind = "", symbol, ...attributes } = {}) {
  const mark = symbol ? icon(symbol) : null;
  return element("button", { type: "button", class: `button ${kind}`, onclick, ...attributes }, mark, label);
}

export function link(label, href, { kind = "", symbol } = {}) {
  return element("a", { class: kind ? `button ${kind}` : "", href }, symbol ? icon(symbol) : null, label);
}

let lastId = 0;

// A control with its name above it and, below, what one should know of it.
export function field(label, control, hint) {
  lastId += 1;
  control.id ||= `field-${lastId}`;
  const note = hint ? element("p", { class: "fine", id: `${control.id}-hint` }, hint) : null;
  if (note) control.setAttribute("aria-describedby", note.id);
  return element("div", { class: "field" }, element("label", { for: control.id }, label), control, note);
}

// A text of one line, or of more with `rows`. `onchange(value)` is told every change.
export function textBox(value, onchange, { rows, ...attributes } = {}) {
  const tag = rows ? "textarea" : "input";
  const box = element(tag, { rows, autocomplete: "off", oninput: () => onchange(box.value), ...attributes });
  box.value = value ?? "";
  return box;
}

// A choice among [[value, label]].
export function choice(options, value, onchange, attributes = {}) {
  const box = element("select", { onchange: () => onchange(box.value), ...attributes });
  box.append(...options.map(([key, label]) => new Option(label, key)));
  box.value = value ?? "";
  return box;
}

export function checkBox(label, checked, onchange, attributes = {}) {
  const box = element("input", { type: "checkbox", onchange: () => onchange(box.checked), ...attributes });
  box.checked = checked;
  return element("label", { class: "check" }, box, element("span", {}, label));
}

// Pages behind names: [{id, label, draw(root)}]; `onopen(id)` is told which one is shown.
export function tabs(pages, first, onopen = () => {}) {
  const panel = element("div", { class: "tab-panel", role: "tabpanel", tabindex: "-1" });
  const bar = element("div", { class: "tabs", role: "tablist" });
  const open = (id) => {
    const page = pages.find((one) => one.id === id) ?? pages[0];
    for (const tab of bar.children) tab.setAttribute("aria-selected", String(tab.dataset.tab === page.id));
    for (const tab of bar.children) tab.tabIndex = tab.dataset.tab === page.id ? 0 : -1;
    panel.setAttribute("aria-label", page.label);
    panel.replaceChildren();
    onopen(page.id);
    page.draw(panel);
  };
  const step = (event) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    const all = [...bar.children];
    const next = all[(all.indexOf(document.activeElement) + by + all.length) % all.length];
    next.focus();
    next.click();
  };
  bar.addEventListener("keydown", step);
  bar.append(...pages.map(({ id, label }) =>
    element("button", { type: "button", role: "tab", "data-tab": id, onclick: () => open(id) }, label)));
  open(first);
  return { bar, panel, open };
}

// A window over the page. `body` is nodes; `actions` [{label, kind, run}] close it unless `run` says false.
export function dialog(title, body, actions) {
  const failure = element("p", { class: "failure", role: "alert" });
  const box = element("dialog", { class: "window", "aria-label": title });
  const buttons = actions.map(({ label, kind, run }) =>
    button(label, async () => {
      failure.textContent = "";
      try {
        if ((await run?.()) !== false) box.close();
      } catch (error) {
        failure.textContent = describe(error).detail;
      }
    }, { kind }));
  const cancel = button(actions.length > 0 ? t("Cancel") : t("Close"), () => box.close());
  box.append(
    element("h2", {}, title),
    element("form", { class: "stack", onsubmit: (event) => { event.preventDefault(); buttons[0]?.click(); } }, ...body,
      element("button", { hidden: true })),
    failure,
    element("div", { class: "row end" }, cancel, ...buttons),
  );
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  return box;
}

// Whether the person really wants what cannot be undone.
export function confirmed(question, label) {
  return new Promise((resolve) => {
    const box = dialog(question, [], [{ label, kind: "danger", run: () => resolve(true) }]);
    box.addEventListener("close", () => resolve(false));
  });
}

// What a list says when it is empty, and what to do about it.
export function emptyState(title, text, action) {
  return element("div", { class: "empty-state" }, element("h2", {}, title), element("p", {}, text), action ?? null);
}

// Says something for a moment, and to screen readers.
export function toast(text, kind = "") {
  const box = document.getElementById("toasts");
  while (box.childElementCount > 2) box.firstElementChild.remove();
  const note = element("p", { class: `toast ${kind}`, role: kind === "bad" ? "alert" : "status" }, text);
  box.append(note);
  setTimeout(() => note.remove(), kind === "bad" ? 12_000 : 4_000);
}

// What the server says by a code, in the reader's language; its own sentence,
// which names the place and the limit, unfolds below.
export function serverSays(tag, attributes, said) {
  const shown = told(said);
  if (shown === said.detail) return element(tag, attributes, shown);
  return element(tag, attributes, element("details", {}, element("summary", {}, shown), element("span", { lang: "en" }, said.detail)));
}

// Says what went wrong.
export const complain = (error) => toast(describe(error).detail, "bad");

// A button that copies a text and says so.
export function copyButton(label, text) {
  return button(label, async () => {
    await navigator.clipboard.writeText(text());
    toast(t("Copied"));
  }, { symbol: "copy" });
}

// A table with a head; on narrow screens each cell says what it is. `rows` are lists of cells, or
// whole `tr` nodes.
export function table(label, heads, rows) {
  const cell = (content, i) => element("td", { "data-label": heads[i] || undefined }, content);
  const line = (row) => (Array.isArray(row) ? element("tr", {}, ...row.map(cell)) : row);
  return element("table", { "aria-label": label },
    element("thead", {}, element("tr", {}, ...heads.map((text) => element("th", {}, text)))), element("tbody", {}, ...rows.map(line)));
}
