// The hidden instructions and the values that they ask for.

import { button, checkBox, choice, field, textBox } from "../shared/controls.js";
import { element, iconButton } from "../shared/dom.js";
import { t } from "../shared/words.js";

const TYPES = [["text", t("Short text")], ["paragraph", t("Long text")], ["select", t("Choice")], ["number", t("Number")], ["boolean", t("Yes or no")]];

export function drawPrompt({ draft, panel, root }) {
  const { content } = draft;
  const prompt = textBox(content.prompt, (text) => draft.change((one) => (one.prompt = text)), { rows: 7, class: "code", spellcheck: "true", placeholder: t("You answer questions about …\n\n{{context}}") });
  const insert = (text) => {
    prompt.setRangeText(text, prompt.selectionStart, prompt.selectionEnd, "end");
    prompt.dispatchEvent(new Event("input"));
    prompt.focus();
  };
  const chips = element("div", { class: "row chips" });
  const drawChips = () => {
    const names = ["context", "query", ...content.inputs.map(({ name }) => `inputs.${name}`)];
    chips.replaceChildren(element("span", { class: "fine" }, t("Insert:")),
      ...names.map((name) => button(`{{${name}}}`, () => insert(`{{${name}}}`), { kind: "quiet chip" })));
  };
  const sayable = element("details", { class: "fine" });
  const drawSayable = ({ sayable: texts }) => {
    sayable.hidden = texts.length === 0;
    sayable.replaceChildren(element("summary", {}, t("Sentences that answers may repeat")),
      element("ul", {}, ...texts.map((text) => element("li", {}, text))));
  };
  root.addEventListener("draft-saved", ({ detail }) => drawSayable(detail));
  drawSayable({ sayable: content.quotable_by_order ?? [] });
  drawChips();
  const hint = t("Readers never see this. {{context}} becomes the passages that were found.");
  panel.append(element("section", { class: "panel" }, field(t("Instructions"), prompt, hint), chips, sayable),
    element("section", { class: "panel" }, variables(draft, drawChips)));
}

// The table of variables; `onNames()` is told when a name has changed.
function variables(draft, onNames) {
  const { content } = draft;
  const rows = element("div", { class: "stack" });
  const draw = () => {
    rows.replaceChildren(...content.inputs.map((input, i) => row(draft, input, () => {
      draft.change((one) => one.inputs.splice(i, 1));
      draw();
    }, onNames)));
    onNames();
  };
  const add = button(t("Add a variable"), () => {
    const names = new Set(content.inputs.map(({ name }) => name));
    let n = content.inputs.length + 1;
    while (names.has(`value${n}`)) n += 1;
    draft.change((one) => one.inputs.push({ name: `value${n}`, required: false, default: "", type: "text", label: "" }));
    draw();
    rows.lastElementChild.querySelector("input").select();
  }, { symbol: "plus" });
  draw();
  return element("div", { class: "stack" }, element("h2", {}, t("Variables")),
    element("p", { class: "fine" }, t("Readers fill these in before the first question; instructions use them as {{inputs.name}}.")), rows, element("div", { class: "row" }, add));
}

function row(draft, input, remove, onNames) {
  const set = (key) => (value) => draft.change(() => (input[key] = value));
  const options = field(t("Choices, separated by commas"), textBox((input.options ?? []).join(", "), (text) => set("options")(split(text))));
  const showOptions = () => (options.hidden = input.type !== "select");
  const kind = choice(TYPES, input.type ?? "text", (type) => {
    draft.change(() => {
      input.type = type;
      if (type === "select") input.options ??= [t("First"), t("Second")];
      else delete input.options;
    });
    showOptions();
  });
  showOptions();
  const name = textBox(input.name, (text) => {
    if (!isName(text)) return;
    set("name")(text);
    onNames();
  }, { maxlength: 64, class: "code" });
  return element("div", { class: "variable" },
    field(t("Name"), name), field(t("Shown as"), textBox(input.label ?? "", set("label"), { maxlength: 200 })), field(t("Kind"), kind), options,
    field(t("Default"), textBox(input.default, set("default"))), checkBox(t("Required"), input.required, set("required")),
    iconButton("trash", t("Remove {name}", { name: input.name }), remove));
}

const split = (text) => text.split(",").map((one) => one.trim()).filter(Boolean);
const isName = (text) => text !== "" && [...text].every((one) => one === "_" || one === "-" || one.toLowerCase() !== one.toUpperCase() || (one >= "0" && one <= "9") || one > "\u2e7f");
