// The inside of a line: bold, emphasis, code, links, and citation marks, as DOM nodes.
// Images are never loaded; a link always shows the host that it leads to.

import { element } from "./dom.js";

const URL_TEXT = /https?:\/\/[^\s<>"'`[\]\u2e80-\u9fff\uac00-\ud7af\uff00-\uffef]+/y;
const LINK = /(!?)\[([^\]\n]*)\]\(\s*<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?:\s+"[^"]*")?\s*\)/y;
const ESCAPED = /\\([!-/:-@[-`{-~])/y;
const TRAILING = /[.,;:!?)}*_~]+$/;
const WORD = /[\p{L}\p{N}]/u;

// The nodes of a line {text, start}. `marks` maps a place in the answer to {end, buttons()}.
export function inlineNodes({ text, start }, marks) {
  const nodes = [];
  let plain = "";
  let at = 0;
  while (at < text.length) {
    const found = token(text, at, start, marks);
    if (found === null) {
      plain += text[at];
      at += 1;
      continue;
    }
    if (plain) nodes.push(document.createTextNode(plain));
    plain = "";
    nodes.push(...found.nodes);
    at = found.end;
  }
  if (plain) nodes.push(document.createTextNode(plain));
  return nodes;
}

// What begins at `at`: {nodes, end}, or null if it is an ordinary character.
function token(text, at, start, marks) {
  const mark = marks.get(start + at);
  if (mark) return { nodes: mark.buttons(), end: mark.end - start };
  switch (text[at]) {
    case "\\":
      return escaped(text, at);
    case "`":
      return code(text, at);
    case "*":
    case "_":
      return strong(text, at, start, marks) ?? emphasis(text, at, start, marks);
    case "!":
    case "[":
      return link(text, at, start, marks);
    case "h":
      return bareLink(text, at);
    default:
      return null;
  }
}

function escaped(text, at) {
  const match = matchAt(ESCAPED, text, at);
  return match && { nodes: [match[1]].map((one) => document.createTextNode(one)), end: at + 2 };
}

function code(text, at) {
  const ticks = /`+/y;
  const { length } = matchAt(ticks, text, at)[0];
  const inside = new RegExp(`(?<!\`)\`{${length}}(?!\`)`, "g");
  inside.lastIndex = at + length;
  const close = inside.exec(text);
  if (close === null) return { nodes: [document.createTextNode("`".repeat(length))], end: at + length };
  const content = text.slice(at + length, close.index);
  const trimmed = /^ .*\S.* $/.test(content) ? content.slice(1, -1) : content;
  return { nodes: [element("code", {}, trimmed)], end: close.index + length };
}

function strong(text, at, start, marks) {
  const fence = text[at].repeat(2);
  if (!text.startsWith(fence, at) || !/\S/.test(text[at + 2] ?? " ")) return null;
  const close = closing(text, fence, at + 2);
  return close < 0 ? null : wrapped("strong", text, [at + 2, close, close + 2], start, marks);
}

function emphasis(text, at, start, marks) {
  const fence = text[at];
  if (!/[^\s*_]/.test(text[at + 1] ?? " ")) return null;
  if (fence === "_" && WORD.test(text[at - 1] ?? " ")) return null;
  const close = closing(text, fence, at + 1);
  if (close < 0 || text[close + 1] === fence) return null;
  if (fence === "_" && WORD.test(text[close + 1] ?? " ")) return null;
  return wrapped("em", text, [at + 1, close, close + 1], start, marks);
}

function closing(text, fence, from) {
  let close = text.indexOf(fence, from + 1);
  while (close >= 0 && /\s/.test(text[close - 1])) close = text.indexOf(fence, close + 1);
  return close;
}

function wrapped(tag, text, [from, to, end], start, marks) {
  const inside = { text: text.slice(from, to), start: start + from };
  return { nodes: [element(tag, {}, ...inlineNodes(inside, marks))], end };
}

function link(text, at, start, marks) {
  const match = matchAt(LINK, text, at);
  if (match === null) return null;
  const [whole, image, label, target] = match;
  const address = webAddress(target);
  const end = at + whole.length;
  if (image) return { nodes: [withheldImage(label, address)], end };
  if (address === null) return null;
  const inside = { text: label || address.host, start: start + at + 1 };
  const nodes = label ? inlineNodes(inside, marks) : [document.createTextNode(address.host)];
  return { nodes: [anchor(address, nodes), shownHost(address)], end };
}

function bareLink(text, at) {
  if (/\w/.test(text[at - 1] ?? " ")) return null; // Chinese letters do border on an address
  const match = matchAt(URL_TEXT, text, at);
  if (match === null) return null;
  const shown = match[0].replace(TRAILING, "");
  const address = webAddress(shown);
  if (address === null) return null;
  const nodes = [anchor(address, [document.createTextNode(shown)])];
  const plainHost = shown.toLowerCase().startsWith(`${address.protocol}//${address.host}`);
  if (!plainHost || address.username) nodes.push(shownHost(address));
  return { nodes, end: at + shown.length };
}

function webAddress(target) {
  try {
    const address = new URL(target);
    return ["http:", "https:"].includes(address.protocol) ? address : null;
  } catch {
    return null; // relative, or no address at all: it stays text
  }
}

function anchor(address, nodes) {
  const safety = { target: "_blank", rel: "noopener noreferrer", referrerpolicy: "no-referrer" };
  return element("a", { href: address.href, ...safety }, ...nodes);
}

const shownHost = (address) => element("span", { class: "host" }, ` (${address.host})`);

function withheldImage(label, address) {
  const from = address === null ? "" : ` (${address.host})`;
  return element("span", { class: "withheld" }, `[image${label ? `: ${label}` : ""}${from}]`);
}

function matchAt(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
