// An answer as DOM nodes that grows while it streams. Lines that have not changed keep their nodes,
// so a selection, the focus on a mark and the reading position survive the next words.

import { NOTHING, readLine } from "./blocks.js";
import { formulaNode } from "./formula.js";
import { element } from "../shared/dom.js";
import { inlineNodes } from "./inline.js";
import { countPoints, utf16Offsets } from "../shared/offsets.js";

// A line that grows is read again when this share of it is new. Until then new words stand behind it
// as plain text. If it were read again with each word, n words would cost n² steps.
const NEW_SHARE = 1 / 32;

const BEFORE = { next: 0, nextPoint: 0, unread: 0, block: NOTHING, target: null, lists: [] };

export class AnswerText {
  #root;
  #onMark;
  #inline;
  #answer = "";
  #lines = []; // what was drawn for each line, so that it can be taken back
  #marks = new Map(); // place in the answer (code points) → {end, citations}
  #citations = 0;

  // `onMark(citation)` is called when a mark is pressed. `inline({text, start}, at)` may make the nodes
  // of a text that stands at `start` of the line that begins at `at`.
  constructor(root, onMark, inline = null) {
    this.#root = root;
    this.#onMark = onMark;
    this.#inline = inline;
  }

  // Until the answer `isWhole`, it and its citations only grow from call to call.
  render(answer, citations, isWhole = true) {
    const known = this.#answer;
    const from = isWhole ? firstDifference(known, answer) : known.length;
    const point = isWhole ? this.#replaceMarks(citations) : this.#addMarks(citations);
    this.#answer = answer;
    const isNew = from < answer.length || point < Infinity;
    if (!isNew && this.#last.unread === 0) return;
    if (!isWhole && this.#postpone(from, point)) return;
    while (this.#last.next > from || this.#last.nextPoint > point) this.#takeBack();
    while (this.#last.next < answer.length) this.#drawLine();
  }

  get #last() {
    return this.#lines.at(-1) ?? BEFORE;
  }

  // Whether what is new, characters behind `from` and a mark at `point`, need not be read yet.
  #postpone(from, point) {
    const line = this.#last;
    const text = this.#answer.slice(from);
    const unread = line.unread + text.length + (point < Infinity ? 1 : 0);
    const isInside = line.next === Infinity && point >= line.point && !text.includes("\n");
    if (!isInside || unread > line.length * NEW_SHARE) return false;
    line.unread = unread;
    if (line.parent !== null && text !== "") line.target?.append(text);
    return true;
  }

  #takeBack() {
    const { parent, lastChild } = this.#lines.pop();
    while (parent !== null && parent.lastChild !== lastChild) parent.lastChild.remove();
  }

  #drawLine() {
    let before = this.#last;
    const end = this.#answer.indexOf("\n", before.next);
    const until = end < 0 ? undefined : end;
    const found = readLine(before.block, withoutReturn(this.#answer.slice(before.next, until)));
    if (found.adds === "table") {
      this.#takeBack(); // the line before is its first row
      before = this.#last;
    }
    const line = this.#answer.slice(before.next, until);
    const point = before.nextPoint;
    const drawn = { parent: null, target: before.target, lists: before.lists, lastChild: null };
    if (found.adds !== null) {
      const text = withoutReturn(line);
      Object.assign(drawn, PLACES[found.adds](found.block, before, this.#root));
      const marks = this.#inline === null ? this.#marksIn(text, point) : null;
      const read = marks === null ? (part) => this.#inline(part, before.next) : (part) => inlineNodes(part, marks);
      drawn.target = fill(drawn.target, found, text, read);
    }
    const next = end < 0 ? Infinity : end + 1;
    const nextPoint = end < 0 ? Infinity : point + countPoints(line) + 1;
    const { length } = line;
    this.#lines.push({ ...drawn, block: found.block, length, unread: 0, point, next, nextPoint });
  }

  // Place in the line (UTF-16) → the mark there.
  #marksIn(text, point) {
    const found = new Map();
    if (this.#marks.size === 0) return found;
    const place = utf16Offsets(text);
    for (let index = 0; place(index) < text.length; index += 1) {
      const mark = this.#marks.get(point + index);
      if (mark === undefined) continue;
      const buttons = () => mark.citations.map((one) => markButton(one, this.#onMark));
      found.set(place(index), { end: place(mark.end - point), buttons });
    }
    return found;
  }

  // Both return the first place whose mark is new, or Infinity.
  #addMarks(citations) {
    let first = Infinity;
    for (const citation of citations.slice(this.#citations)) {
      const { answer_start: start, answer_end: end } = citation;
      if (end <= start) continue;
      const mark = this.#marks.get(start) ?? { end, citations: [] }; // [1, 2] holds two citations
      mark.citations.push(citation);
      this.#marks.set(start, mark);
      first = Math.min(first, start);
    }
    this.#citations = citations.length;
    return first;
  }

  #replaceMarks(citations) {
    const known = this.#marks;
    this.#marks = new Map();
    this.#citations = 0;
    this.#addMarks(citations);
    const places = [...known.keys(), ...this.#marks.keys()];
    const changed = places.filter((at) => keyOf(known.get(at)) !== keyOf(this.#marks.get(at)));
    return changed.reduce((first, at) => Math.min(first, at), Infinity);
  }
}

const withoutReturn = (line) => (line.endsWith("\r") ? line.slice(0, -1) : line);

const keyOf = (mark) => JSON.stringify([mark?.end, mark?.citations.map((citation) => citation.n)]);

function firstDifference(one, other) {
  if (one === other) return one.length;
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  return at;
}

function markButton(citation, onMark) {
  const where = `${citation.document_name}, page ${citation.page}`;
  return element(
    "button",
    {
      type: "button",
      class: "mark",
      "data-n": citation.n,
      "aria-label": `Source ${citation.n}: ${where}`,
      title: where,
      onclick: () => onMark(citation),
    },
    String(citation.n),
  );
}

// Where a line goes: {parent, lastChild, target, lists}. What it adds stands behind `lastChild` of
// `parent`, its words in `target`; `lists` are the lists that are open, outermost first.
const PLACES = {
  block(block, before, root) {
    const { lastChild } = root;
    const node = BLOCKS[block.kind](block);
    root.append(node);
    if (block.kind !== "list") return { parent: root, lastChild, target: node.querySelector("code") ?? node, lists: [] };
    return { parent: root, lastChild, target: node.appendChild(element("li")), lists: [node] };
  },
  item({ item, indents }, { lists }) {
    const target = element("li");
    const outer = lists.slice(0, indents.length);
    const isNested = outer.length < indents.length;
    const parent = isNested ? outer.at(-1).lastElementChild : outer.at(-1);
    const { lastChild } = parent;
    if (isNested) outer.push(parent.appendChild(listFor(item)));
    outer.at(-1).append(target);
    return { parent, lastChild, target, lists: outer };
  },
  table(block, before, root) {
    const { lastChild } = root;
    const target = element("tr");
    const rows = element("tbody");
    const table = element("table", {}, element("thead", {}, target), rows);
    root.append(element("div", { class: "table", tabindex: 0 }, table));
    return { parent: root, lastChild, target, lists: [rows] };
  },
  row(block, { lists }) {
    const [rows] = lists;
    const { lastChild } = rows;
    return { parent: rows, lastChild, target: rows.appendChild(element("tr")), lists };
  },
  formula(block, { target: source }) {
    const parent = source.closest(".formula");
    return { parent, lastChild: parent.lastChild, target: parent, lists: [] };
  },
  line(block, { target, lists }) {
    return { parent: target, lastChild: target.lastChild, target, lists };
  },
};

const BLOCKS = {
  paragraph: () => element("p"),
  heading: ({ level }) => element(level <= 2 ? "h3" : "h4"),
  quote: () => element("blockquote"),
  rule: () => element("hr"),
  code: () => element("pre", { tabindex: 0 }, element("code")),
  formula: () => element("div", { class: "formula block" }, element("pre", { tabindex: 0 }, element("code"))),
  list: ({ item }) => listFor(item),
};

const listFor = ({ isOrdered, number }) =>
  isOrdered ? element("ol", { start: number === 1 ? undefined : number }) : element("ul");

// Writes what a line shows into `target`; returns where words that follow it go.
function fill(target, { block, adds, from, to, cells }, line, read) {
  const nodes = (start, end) => read({ text: line.slice(start, end), start });
  if (block.kind === "table") {
    const tag = adds === "table" ? "th" : "td";
    const drawn = cells.map(([start, end], at) => element(tag, { class: block.alignments[at] }, nodes(start, end)));
    for (const cell of drawn) target.append(cell);
    return drawn.at(-1) ?? null;
  }
  if (block.kind === "code") {
    if (adds === "line") target.append((target.hasChildNodes() ? "\n" : "") + line);
    return target;
  }
  if (block.kind === "formula" || adds === "formula") return fillFormula(target, adds, line.slice(from, to));
  if (adds === "line" && target.hasChildNodes()) target.append(element("br"));
  for (const node of nodes(from, to)) target.append(node);
  return target;
}

function fillFormula(target, adds, words) {
  if (adds === "formula") {
    const tex = [target.textContent, words].filter(Boolean).join("\n");
    target.append(formulaNode(tex, tex, true));
    return null;
  }
  if (words !== "") target.append((target.hasChildNodes() ? "\n" : "") + words);
  return target;
}
