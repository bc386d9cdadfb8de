// A formula in a text: its TeX at first, and MathML as soon as the server has sent it. What does that is
// loaded with the first formula.

import { element } from "../shared/dom.js";

let loaded = null;

// A node for what stands in the text as `source` and means `tex`.
export function formulaNode(source, tex, isBlock) {
  const node = element("span", { class: isBlock ? "formula block" : "formula" }, element("code", {}, source));
  loaded ??= import("./typesetting.js");
  loaded.then(({ typeset }) => typeset(node, tex, isBlock), () => {}); // without it the TeX stays
  return node;
}
