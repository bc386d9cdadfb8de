// The inside of a line: bold, emphasis, code, formulas, links, and citation marks, as DOM nodes. It is read once
// from left to right. Images are never loaded; a link always shows the host that it leads to.

import { Ahead, webAddress } from "./ahead.js";
import { isBlank, runEnd } from "./blocks.js";
import { formulaNode } from "./formula.js";
import { element } from "../shared/dom.js";

const WORD = /[\p{L}\p{N}]/u;
const LATIN = /[A-Za-z0-9]/; // US$5
const PUNCTUATION = /[!-/:-@[-`{-~]/; // what a backslash may stand before
const OF_ADDRESS = /[^\s<>"'`[\]\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]/;
const BEHIND_ADDRESS = ".,;:!?)}*_~";

// The nodes of `text`, which stands at `start` in its line. `marks` maps a place in the line to the
// citations there: {end, buttons()}.
export function inlineNodes({ text, start }, marks) {
  const ahead = new Ahead(text);
  const nodes = [];
  let from = 0;
  let at = 0;
  while (at < text.length) {
    const found = token(text, at, start, marks, ahead);
    if (found === null) {
      at += 1;
      continue;
    }
    if (at > from) nodes.push(text.slice(from, at));
    nodes.push(...found.nodes);
    at = found.end;
    from = at;
  }
  if (at > from) nodes.push(text.slice(from, at));
  return nodes;
}

// What begins at `at`: {nodes, end}, or null if it is an ordinary character.
function token(text, at, start, marks, ahead) {
  const mark = marks.get(start + at);
  if (mark) return { nodes: mark.buttons(), end: mark.end - start };
  switch (text[at]) {
    case "$":
      return dollars(text, at, ahead);
    case "\\":
      if ("([".includes(text[at + 1] ?? " ")) return formula(text, at, ahead) ?? { nodes: [text[at + 1]], end: at + 2 };
      return PUNCTUATION.test(text[at + 1] ?? " ") ? { nodes: [text[at + 1]], end: at + 2 } : null;
    case "`":
      return code(text, at, ahead);
    case "*":
    case "_":
      return strong(text, at, start, marks, ahead) ?? emphasis(text, at, start, marks, ahead);
    case "!":
    case "[":
      return link(text, at, start, marks, ahead);
    case "h":
      return bareLink(text, at);
    default:
      return null;
  }
}

function code(text, at, ahead) {
  const from = runEnd(text, at, "`");
  const close = ahead.ticks(from - at, from);
  if (close < 0) return { nodes: [text.slice(at, from)], end: from };
  const content = text.slice(from, close);
  const isPadded = content.startsWith(" ") && content.endsWith(" ") && content.trim() !== "";
  return { nodes: [element("code", {}, isPadded ? content.slice(1, -1) : content)], end: close + from - at };
}

// $…$ where no blank stands inside beside a sign, no letter or figure before it and no figure behind it:
// US$5 and $10 are no formula.
function dollars(text, at, ahead) {
  const isBlock = text[at + 1] === "$";
  const from = at + (isBlock ? 2 : 1);
  if (!isBlock && (isBlank(text[from] ?? " ") || LATIN.test(text[at - 1] ?? " "))) return null;
  const close = isBlock ? ahead.next("$$", from) : ahead.dollar(from);
  return close <= from ? null : shownFormula(text, at, [from, close, close + from - at], isBlock);
}

function formula(text, at, ahead) {
  const isBlock = text[at + 1] === "[";
  const close = ahead.next(isBlock ? "\\]" : "\\)", at + 2);
  return close < 0 ? null : shownFormula(text, at, [at + 2, close, close + 2], isBlock);
}

function shownFormula(text, at, [from, close, end], isBlock) {
  return { nodes: [formulaNode(text.slice(at, end), text.slice(from, close), isBlock)], end };
}

function strong(text, at, start, marks, ahead) {
  const fence = text[at] + text[at];
  if (text[at + 1] !== text[at] || isBlank(text[at + 2] ?? " ")) return null;
  const close = ahead.closing(fence, at + 3);
  return close < 0 ? null : wrapped("strong", text, [at + 2, close, close + 2], start, marks);
}

function emphasis(text, at, start, marks, ahead) {
  const fence = text[at];
  const next = text[at + 1] ?? " ";
  if (isBlank(next) || next === "*" || next === "_") return null;
  if (fence === "_" && WORD.test(text[at - 1] ?? " ")) return null;
  const close = ahead.closing(fence, at + 2);
  if (close < 0 || text[close + 1] === fence) return null;
  if (fence === "_" && WORD.test(text[close + 1] ?? " ")) return null;
  return wrapped("em", text, [at + 1, close, close + 1], start, marks);
}

// What is embraced is read again, but holds no mark that could embrace of the same kind: five times
// at most.
function wrapped(tag, text, [from, to, end], start, marks) {
  const inside = { text: text.slice(from, to), start: start + from };
  return { nodes: [element(tag, {}, inlineNodes(inside, marks))], end };
}

function link(text, at, start, marks, ahead) {
  const isImage = text[at] === "!";
  const from = isImage ? at + 2 : at + 1;
  const close = text[from - 1] === "[" ? ahead.next("]", from) : -1;
  const target = close < 0 ? null : ahead.target(close + 1);
  if (target === null) return null;
  const { address, end } = target;
  if (isImage) return { nodes: [withheldImage(text.slice(from, close), address)], end };
  if (address === null) return null;
  const label = { text: text.slice(from, close), start: start + from };
  const nodes = close > from ? inlineNodes(label, marks) : [address.host];
  return { nodes: [anchor(address, nodes), shownHost(address)], end };
}

function bareLink(text, at) {
  if (!text.startsWith("http://", at) && !text.startsWith("https://", at)) return null;
  if (/\w/.test(text[at - 1] ?? " ")) return null; // Chinese letters do border on an address
  let read = at;
  while (read < text.length && OF_ADDRESS.test(text[read])) read += 1;
  let end = read;
  while (BEHIND_ADDRESS.includes(text[end - 1])) end -= 1;
  const shown = text.slice(at, end);
  const address = webAddress(shown);
  if (address === null) return { nodes: [text.slice(at, read)], end: read };
  const nodes = [anchor(address, [shown])];
  const plainHost = shown.toLowerCase().startsWith(`${address.protocol}//${address.host}`);
  if (!plainHost || address.username) nodes.push(shownHost(address));
  return { nodes, end };
}

function anchor(address, nodes) {
  const safety = { target: "_blank", rel: "noopener noreferrer", referrerpolicy: "no-referrer" };
  return element("a", { href: address.href, ...safety }, nodes);
}

const shownHost = (address) => element("span", { class: "host" }, ` (${address.host})`);

function withheldImage(label, address) {
  const from = address === null ? "" : ` (${address.host})`;
  return element("span", { class: "withheld" }, `[image${label ? `: ${label}` : ""}${from}]`);
}
