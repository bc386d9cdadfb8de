// The values that an app asks for before the first question.

import { checkBox, choice, field, textBox } from "../shared/controls.js";
import { element } from "../shared/dom.js";

export class InputsForm {
  #drawn = "";

  constructor() {
    this.given = {};
    this.root = element("form", { class: "inputs grid", hidden: true, onsubmit: (event) => event.preventDefault() });
  }

  // Draws the fields [{name, type, label, required, options, max_length, default?}]; what was filled
  // in stays.
  draw(inputs) {
    const key = JSON.stringify(inputs);
    if (key === this.#drawn) return;
    this.#drawn = key;
    this.root.hidden = inputs.length === 0;
    this.root.replaceChildren(...inputs.map((input) => this.#field(input)));
  }

  // What was filled in, by name, as the API wants it.
  values(inputs) {
    const known = new Map(inputs.map(({ name, type }) => [name, type]));
    const filled = Object.entries(this.given).filter(([name, value]) => known.has(name) && value !== "");
    return Object.fromEntries(filled.map(([name, value]) => [name, known.get(name) === "number" ? Number(value) : value]));
  }

  // Whether nothing is missing; says at the field what is.
  isComplete() {
    return this.root.hidden || this.root.reportValidity();
  }

  #field({ name, type, label, required, options = [], max_length: most, default: usual = "" }) {
    const value = this.given[name] ?? "";
    const set = (given) => (this.given[name] = given);
    const shown = label || name;
    if (type === "boolean") return checkBox(shown, value === true, set);
    if (type === "select") {
      const none = required ? [] : [["", "–"]];
      if (required && !value) set(options[0]);
      return field(shown, choice([...none, ...options.map((one) => [one, one])], value || (required ? options[0] : ""), set));
    }
    const attributes = { required, maxlength: most ?? undefined, placeholder: usual };
    if (type === "number") attributes.type = "number";
    if (type === "paragraph") attributes.rows = 3;
    return field(shown, textBox(value, set, attributes));
  }
}
