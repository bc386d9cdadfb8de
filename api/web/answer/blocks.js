// Says what a line of an answer is: part of a paragraph, heading, list, table, quote, code or formula. A
// small part of Markdown; what is not understood stays text. A line is read once, from left to
// right, and what it is depends on the lines before it alone: an answer can be read while it comes.

const MAX_DEPTH = 8; // of lists within lists: what is deeper is drawn at this depth

export const NOTHING = { kind: "none" };

// What a line is where the block `open` is open: {block, adds, from, to}. `block` is open behind it.
// It adds a "block", an "item" of a list, a "line", or null; its characters `from` to `to` are shown.
// Or it makes a "table" of the line before, or adds a "row" to it, and has `cells`: [[from, to], …]; or it
// ends a "formula".
export function readLine(open, text) {
  if (open.kind === "code") return codeLine(text, open);
  const first = blanksEnd(text, 0);
  if (first === text.length) return blankLine(open);
  const line = { text, first, end: text.trimEnd().length };
  if (open.kind === "formula") return formulaLine(line, open);
  return (
    (first <= 3 ? fence(line) ?? formula(line) ?? heading(line) ?? rule(line) : null) ??
    item(line, open) ??
    (first <= 3 ? quote(line, open) : null) ??
    row(line, open) ??
    words(line, open)
  );
}

// One blank line does not end a list yet: what follows says whether it goes on.
function blankLine(open) {
  const goesOn = open.kind === "list" && !open.isBlank;
  return { block: goesOn ? { ...open, isBlank: true } : NOTHING, adds: null };
}

function codeLine(text, open) {
  const line = text.trim();
  const isEnd = line.length >= open.marks && runEnd(line, 0, open.mark) === line.length;
  return isEnd ? { block: NOTHING, adds: null } : { block: open, adds: "line", from: 0, to: text.length };
}

function fence({ text, first }) {
  const mark = text[first];
  const marks = "`~".includes(mark) ? runEnd(text, first, mark) - first : 0;
  if (marks < 3 || text.includes("`", first + marks)) return null;
  return { block: { kind: "code", mark, marks }, adds: "block", from: 0, to: 0 };
}

// A formula that goes on in the next line begins with $$ or \[, and ends with its like, or a blank line.
function formula({ text, first, end }) {
  const close = { "$$": "$$", "\\[": "\\]" }[text.slice(first, first + 2)];
  if (close === undefined || text.includes(close, first + 2)) return null;
  return { block: { kind: "formula", close }, adds: "block", from: first + 2, to: Math.max(end, first + 2) };
}

function formulaLine({ text, first, end }, open) {
  if (!text.endsWith(open.close, end)) return { block: open, adds: "line", from: first, to: end };
  return { block: NOTHING, adds: "formula", from: first, to: Math.max(first, end - 2) };
}

function heading({ text, first, end }) {
  const marks = runEnd(text, first, "#");
  const level = marks - first;
  const from = blanksEnd(text, marks);
  if (level < 1 || level > 6 || from === marks) return null;
  const open = runStart(text, end, "#");
  const to = isBlank(text[open - 1]) ? text.slice(0, open).trimEnd().length : end; // not of "# C#"
  return { block: { kind: "heading", level }, adds: "block", from, to: Math.max(from, to) };
}

function rule({ text, first, end }) {
  const mark = text[first];
  if (!"-*_".includes(mark)) return null;
  let marks = 0;
  for (let at = first; at < end; at += 1) {
    if (text[at] === mark) marks += 1;
    else if (!isBlank(text[at])) return null;
  }
  return marks < 3 ? null : { block: { kind: "rule" }, adds: "block", from: 0, to: 0 };
}

function item({ text, first, end }, open) {
  const marker = markerEnd(text, first);
  const from = blanksEnd(text, marker);
  if (from === marker || from === text.length) return null;
  const isOrdered = isDigit(text[first]);
  const number = isOrdered ? Number.parseInt(text.slice(first, marker), 10) : null;
  const shown = { from, to: end };
  if (open.kind !== "list" || isOtherList(open, first, isOrdered)) {
    const block = { kind: "list", isOrdered, item: { isOrdered, number }, indents: [first] };
    return { block, adds: "block", ...shown };
  }
  const block = { ...open, item: { isOrdered, number }, indents: within(open.indents, first), isBlank: false };
  return { block, adds: "item", ...shown };
}

// Numbers after bullets, or the other way round, begin a list of their own.
const isOtherList = (open, indent, isOrdered) => indent <= open.indents[0] && isOrdered !== open.isOrdered;

function within(indents, indent) {
  const outer = indents.filter((one) => one <= indent);
  return outer.at(-1) === indent || outer.length === MAX_DEPTH ? outer : [...outer, indent];
}

function markerEnd(text, at) {
  if ("-*+•".includes(text[at])) return at + 1;
  let end = at;
  while (end < at + 4 && isDigit(text[end])) end += 1;
  return end > at && ".)".includes(text[end] ?? " ") ? end + 1 : text.length;
}

function quote({ text, first }, open) {
  if (text[first] !== ">") return null;
  const from = first + (text[first + 1] === " " ? 2 : 1);
  return { block: { kind: "quote" }, adds: open.kind === "quote" ? "line" : "block", from, to: text.length };
}

// A row is cells between bars, a table what has |---| under its first row.
function row(line, open) {
  const cells = cellsOf(line);
  if (cells === null) return null;
  if (open.kind === "table") return { block: open, adds: "row", cells };
  if (open.head?.length !== cells.length) return null;
  const alignments = cells.map((cell) => alignmentOf(line.text, cell));
  return alignments.includes(null) ? null : { block: { kind: "table", alignments }, adds: "table", cells: open.head };
}

export function cellsOf({ text, first, end }) {
  if (text[first] !== "|") return null;
  const cells = [];
  let from = first + 1;
  while (from < end) {
    let to = from;
    while (to < end && (text[to] !== "|" || text[to - 1] === "\\")) to += 1;
    const words = text.slice(from, to);
    cells.push([to - words.trimStart().length, from + words.trimEnd().length]);
    from = to + 1;
  }
  return cells.length > 0 ? cells : null;
}

// Of a cell like :---:, or null.
export function alignmentOf(text, [from, to]) {
  const isLeft = text[from] === ":";
  const isRight = text[to - 1] === ":";
  const start = isLeft ? from + 1 : from;
  const end = runEnd(text, start, "-");
  if (end === start || end !== (isRight ? to - 1 : to)) return null;
  if (isRight) return isLeft ? "center" : "right";
  return "left";
}

function words(line, open) {
  const shown = { from: line.first, to: line.end };
  const ofItem = open.kind === "list" && (!open.isBlank || line.first >= 2);
  if (ofItem) return { block: { ...open, isBlank: false }, adds: "line", ...shown };
  const block = { kind: "paragraph", head: cellsOf(line) };
  return { block, adds: open.kind === "paragraph" ? "line" : "block", ...shown };
}

export const isDigit = (character) => character >= "0" && character <= "9";

// Where blanks from `at` on end.
export function blanksEnd(text, at) {
  let end = at;
  while (end < text.length && isBlank(text[end])) end += 1;
  return end;
}

export const isBlank = (character) => /\s/.test(character);

// Where repetitions of a character from `at` on end, and where those up to `end` start.
export function runEnd(text, at, character) {
  let end = at;
  while (text[end] === character) end += 1;
  return end;
}

function runStart(text, end, character) {
  let start = end;
  while (text[start - 1] === character) start -= 1;
  return start;
}
