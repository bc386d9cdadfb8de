// Asks the server for the MathML of formulas, a few at a time and each once, and puts it in their place.

import { Api } from "../shared/api.js";

const MATHML = "http://www.w3.org/1998/Math/MathML";
const LONGEST = 1_000;
const AT_ONCE = 10;
const MOST = 300; // of one page; what comes behind them stays TeX

const known = new Map(); // what was asked for → its MathML, null where there is none, undefined until then
const waiting = new Map(); // what is asked for → the nodes that want it
let asking = null;

export function typeset(node, tex, isBlock) {
  const key = (isBlock ? "b" : "i") + tex;
  if (known.get(key)) return show(node, known.get(key));
  if (tex.length > LONGEST || tex.trim() === "" || known.get(key) === null) return;
  if (known.has(key)) return waiting.get(key)?.push(node);
  if (known.size >= MOST) return;
  known.set(key, undefined);
  waiting.set(key, [node]);
  asking ??= ask();
}

const show = (node, mathml) => node.replaceChildren(mathml.cloneNode(true));

async function ask() {
  try {
    const api = await Api.open();
    while (waiting.size > 0) await askFor(api, [...waiting.keys()].slice(0, AT_ONCE));
  } catch {
    for (const key of waiting.keys()) known.delete(key); // the next formula tries again
    waiting.clear();
  }
  asking = null;
}

async function askFor(api, keys) {
  const formulas = keys.map((key) => ({ tex: key.slice(1), block: key.startsWith("b") }));
  const { data } = await api.post("/v1/formulas", { formulas });
  for (const [at, key] of keys.entries()) {
    const mathml = data[at].mathml ? copied(parsed(data[at].mathml)) : null;
    known.set(key, mathml);
    for (const node of mathml === null ? [] : waiting.get(key)) show(node, mathml);
    waiting.delete(key);
  }
}

const parsed = (mathml) => new DOMParser().parseFromString(mathml, "application/xml").documentElement;

// Only elements of MathML, and of their attributes none that names an address, a style or a script.
function copied(node) {
  const copy = document.createElementNS(MATHML, node.localName);
  for (const { name, value } of node.attributes) {
    if (name !== "xmlns" && name !== "href" && name !== "style" && !name.startsWith("on")) copy.setAttribute(name, value);
  }
  for (const child of node.childNodes) copy.append(child.nodeType === Node.TEXT_NODE ? child.data : copied(child));
  return copy;
}
