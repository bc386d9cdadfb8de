// An answer as DOM nodes that grows while it streams. Blocks that have not changed keep their nodes,
// so a selection, the focus on a mark and the reading position survive the next words.

import { splitBlocks } from "./blocks.js";
import { element } from "./dom.js";
import { inlineNodes } from "./inline.js";
import { utf16Offsets } from "./offsets.js";

export class AnswerText {
  #root;
  #onMark;
  #drawn = []; // [{key, node}], one per block

  // `onMark(citation)` is called when a mark is pressed.
  constructor(root, onMark) {
    this.#root = root;
    this.#onMark = onMark;
  }

  render(answer, citations) {
    const marks = marksOf(answer, citations, this.#onMark);
    const blocks = splitBlocks(answer);
    const keys = blocks.map((block) => keyOf(answer, block, marks));
    let same = 0;
    while (same < keys.length && this.#drawn[same]?.key === keys[same]) same += 1;
    for (const { node } of this.#drawn.splice(same)) node.remove();
    for (let index = same; index < blocks.length; index += 1) {
      const node = DRAW[blocks[index].kind](blocks[index], marks);
      this.#root.append(node);
      this.#drawn.push({ key: keys[index], node });
    }
  }
}

// Place in the answer (UTF-16) → the mark there. One mark like [1, 2] may hold several citations.
function marksOf(answer, citations, onMark) {
  const place = utf16Offsets(answer);
  const marks = new Map();
  for (const citation of citations) {
    const start = place(citation.answer_start);
    const mark = marks.get(start) ?? { end: place(citation.answer_end), citations: [] };
    mark.citations.push(citation);
    mark.buttons = () => mark.citations.map((one) => markButton(one, onMark));
    marks.set(start, mark);
  }
  return marks;
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

function keyOf(answer, block, marks) {
  const inside = [...marks]
    .filter(([start]) => start >= block.start && start < block.end)
    .map(([start, mark]) => `${start}:${mark.citations.map((one) => one.n)}`);
  return JSON.stringify([block.kind, block.start, answer.slice(block.start, block.end), inside]);
}

const DRAW = {
  paragraph: (block, marks) => element("p", {}, ...linesOf(block.lines, marks)),
  heading: (block, marks) =>
    element(block.level <= 2 ? "h3" : "h4", {}, ...linesOf(block.lines, marks)),
  quote: (block, marks) => element("blockquote", {}, ...linesOf(block.lines, marks)),
  rule: () => element("hr"),
  code: (block) => element("pre", { tabindex: 0 }, element("code", {}, codeOf(block))),
  list: (block, marks) => drawList(block.items, marks),
};

const codeOf = (block) => block.lines.map((line) => line.text).join("\n");

function linesOf(lines, marks) {
  return lines.flatMap((line, index) => [
    ...(index > 0 ? [element("br")] : []),
    ...inlineNodes(line, marks),
  ]);
}

function drawList(items, marks) {
  const root = listFor(items[0]);
  const open = [root];
  for (const item of items) {
    const depth = Math.min(item.depth, open.length);
    open.length = Math.min(open.length, depth + 1);
    if (depth === open.length) {
      const nested = listFor(item);
      open.at(-1).lastElementChild.append(nested);
      open.push(nested);
    }
    open.at(-1).append(element("li", {}, ...linesOf(item.lines, marks)));
  }
  return root;
}

const listFor = (item) =>
  item.ordered
    ? element("ol", { start: item.number === 1 ? undefined : item.number })
    : element("ul");
