// The values that an app asks for before the first question.

import { checkBox, choice, field, textBox } from "../shared/controls.js";
import { element } from "../shared/dom.js";
import { t } from "../shared/words.js";

const ON = ["true", "yes", "1"]; // as the server reads them

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

  // The default is known to those who edit the app; readers may leave empty what has one.
  #field({ name, type, label, required, options = [], max_length: most, default: known }) {
    const usual = known ?? "";
    const value = this.given[name] ?? usual;
    const set = (given) => (this.given[name] = given);
    const must = required && !usual;
    const shown = label || name;
    if (type === "boolean" && must && value === "") set(false);
    // A box would say “no” where the app may mean “yes”, so there is a third choice: to say nothing.
    if (type === "boolean" && !must && known === undefined) return field(shown, choice([["", "–"], ["true", t("Yes")], ["false", t("No")]], value, set));
    if (type === "boolean") return checkBox(shown, ON.includes(String(value).toLowerCase()), set);
    if (type === "select") {
      const none = must ? [] : [["", "–"]];
      if (must && !value) set(options[0]);
      return field(shown, choice([...none, ...options.map((one) => [one, one])], value || (must ? options[0] : ""), set));
    }
    const attributes = { required: must, maxlength: most ?? undefined };
    if (type === "number") attributes.type = "number";
    if (type === "paragraph") attributes.rows = 3;
    return field(shown, textBox(value, set, attributes));
  }
}
