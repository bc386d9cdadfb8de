// What stands ahead of the reader of one line. The reader only moves forward, so what was found once
// is kept until it is passed: ten thousand `[` do not each look for the one `]` at the end.

import { blanksEnd, isBlank, isDigit } from "./blocks.js";

export class Ahead {
  #found = new Map(); // what was looked for → where it stands
  #ticks = null; // length of a run of backticks → where such runs stand, last first
  #target = { at: -1, found: null };

  constructor(text) {
    this.text = text;
  }

  // The first `needle` at or behind `from`, or -1.
  next(needle, from) {
    return this.#first(needle, from, () => true);
  }

  // The first `needle` at or behind `from` that ends what it embraces: no blank is before it; or -1.
  closing(needle, from) {
    return this.#first(needle, from, (at) => !isBlank(this.text[at - 1]));
  }

  // The first $ at or behind `from` that ends a formula, or -1.
  dollar(from) {
    return this.#first("$", from, (at) => !isBlank(this.text[at - 1]) && this.text[at - 1] !== "\\" && !isDigit(this.text[at + 1]));
  }

  #first(needle, from, fits) {
    const known = this.#found.get(needle);
    if (known !== undefined && (known < 0 || known >= from)) return known;
    let at = this.text.indexOf(needle, from);
    while (at >= 0 && !fits(at)) at = this.text.indexOf(needle, at + 1);
    this.#found.set(needle, at);
    return at;
  }

  // The first run of exactly `length` backticks at or behind `from`, or -1.
  ticks(length, from) {
    this.#ticks ??= runsOfTicks(this.text);
    const places = this.#ticks.get(length) ?? [];
    while (places.at(-1) < from) places.pop();
    return places.at(-1) ?? -1;
  }

  // The target of a link that begins at `at`, "(address)": {address, end}, or null.
  target(at) {
    if (this.#target.at !== at) this.#target = { at, found: readTarget(this.text, at) };
    return this.#target.found;
  }
}

function runsOfTicks(text) {
  const runs = new Map();
  for (let end = text.lastIndexOf("`") + 1; end > 0; ) {
    let start = end;
    while (text[start - 1] === "`") start -= 1;
    const places = runs.get(end - start) ?? [];
    places.push(start);
    runs.set(end - start, places);
    end = start === 0 ? 0 : text.lastIndexOf("`", start - 1) + 1;
  }
  return runs;
}

// One pair of brackets may stand in an address, and a title behind it, which is not shown.
function readTarget(text, open) {
  if (text[open] !== "(") return null;
  const start = blanksEnd(text, open + 1);
  const from = text[start] === "<" ? start + 1 : start;
  let at = addressEnd(text, from);
  const target = text.slice(from, at);
  if (text[at] === ">") at += 1;
  const blanks = blanksEnd(text, at);
  if (blanks > at && text[blanks] === '"') {
    const close = text.indexOf('"', blanks + 1);
    if (close < 0) return null;
    at = close + 1;
  }
  at = blanksEnd(text, at);
  return text[at] === ")" ? { address: webAddress(target), end: at + 1 } : null;
}

function addressEnd(text, from) {
  let isInside = false;
  for (let at = from; at < text.length; at += 1) {
    const character = text[at];
    if (isBlank(character) || "<>".includes(character)) return at;
    if (character === (isInside ? "(" : ")")) return at;
    if (character === "(" || character === ")") isInside = !isInside;
  }
  return text.length;
}

// A URL of the web, or null: what is relative, or no address at all, stays text.
export function webAddress(target) {
  try {
    const address = new URL(target);
    return ["http:", "https:"].includes(address.protocol) ? address : null;
  } catch {
    return null;
  }
}
