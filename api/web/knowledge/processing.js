// The form for how documents are cleaned and split. What it holds has the shape of the API's
// `processing`; options that have no effect in the chosen mode are left out, as the server asks.

import { checkBox, choice, field, textBox } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { t } from "../shared/words.js";

const RULES = [
  ["headers_footers", t("Repeated page headers and footers"), true],
  ["extra_spaces", t("Extra spaces and blank lines"), true],
  ["hyphenation", t("Hyphens at line ends"), true],
  ["control_characters", t("Control characters"), true],
  ["urls", t("Web addresses"), false],
  ["emails", t("E-mail addresses"), false],
  ["boilerplate", t("Navigation, cookie notices, disclaimers"), false],
  ["duplicate_lines", t("Lines that stand more than once"), false],
];

export const RULE_NAMES = Object.fromEntries(RULES.map(([id, name]) => [id, name]));

const MODES = [
  ["auto", t("By headings, paragraphs and sentences")],
  ["parent_child", t("Search small pieces, answer with what is around them")],
  ["separator", t("At a separator of your own")],
  ["qa", t("Questions and answers in a table")],
];

export class ProcessingForm {
  constructor({ clean = {}, split = {}, custom_regex: patterns = [] }) {
    this.clean = Object.fromEntries(RULES.map(([id, , usual]) => [id, clean[id] ?? usual]));
    this.split = { mode: "auto", max_tokens: null, overlap: 0, ...split };
    this.patterns = patterns;
    this.options = element("div", { class: "stack" });
    this.root = element("div", { class: "columns" }, this.#splitting(), this.#cleaning());
  }

  get value() {
    const { mode, max_tokens, overlap, separator, rows, parent, parent_max_tokens } = this.split;
    const split = { mode, max_tokens, overlap };
    if (mode === "separator" && separator) split.separator = separator;
    if (mode === "auto" && rows) split.rows = rows;
    if (mode === "parent_child") Object.assign(split, { parent, parent_max_tokens });
    return { clean: this.clean, split, custom_regex: this.patterns };
  }

  #splitting() {
    const mode = choice(MODES, this.split.mode, (value) => {
      this.split.mode = value;
      this.#drawOptions();
    });
    this.#drawOptions();
    const size = number(this.split.max_tokens, (value) => (this.split.max_tokens = value), { min: 16, max: 8192, placeholder: t("what the model reads best") });
    const overlap = number(this.split.overlap, (value) => (this.split.overlap = value ?? 0), { min: 0, max: 1024 });
    return element("fieldset", { class: "stack" }, element("legend", {}, t("Splitting")),
      field(t("Where to split"), mode), this.options,
      field(t("Longest passage (tokens)"), size), field(t("Overlap (tokens)"), overlap));
  }

  #drawOptions() {
    const { split } = this;
    const shown = {
      auto: () => [checkBox(t("Each row of a table by itself"), split.rows ?? false, (isOn) => (split.rows = isOn))],
      separator: () => [field(t("Separator"), textBox(readable(split.separator ?? "\n\n"), (text) => (split.separator = meant(text))), t("\\n is a line break."))],
      parent_child: () => [field(t("Answer with"), choice([["section", t("the section")], ["paragraph", t("the paragraph")]], split.parent ?? "section", (value) => (split.parent = value)))],
      qa: () => [],
    };
    this.options.replaceChildren(...(shown[split.mode]?.() ?? []));
  }

  #cleaning() {
    const rules = RULES.map(([id, label]) => checkBox(label, this.clean[id], (isOn) => (this.clean[id] = isOn)));
    const patterns = textBox(this.patterns.join("\n"), (text) => (this.patterns = text.split("\n").filter(Boolean)), { rows: 2 });
    return element("fieldset", { class: "stack" }, element("legend", {}, t("Left out of the search")), ...rules,
      field(t("Own patterns (regular expressions, one a line)"), patterns, t("Pages keep every character: quotes stay exact.")));
  }
}

function number(value, onchange, attributes) {
  return textBox(value ?? "", (text) => onchange(text === "" ? null : Number(text)), { type: "number", ...attributes });
}

const readable = (text) => text.replaceAll("\n", "\\n").replaceAll("\t", "\\t");
const meant = (text) => text.replaceAll("\\n", "\n").replaceAll("\\t", "\t");
