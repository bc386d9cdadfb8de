// A passage as its document looks: headings, lists, tables and code are drawn as such, and of what is
// shown exactly the cited characters are marked. Where no parts are known the text stays plain.

import { element } from "../shared/dom.js";
import { utf16Offsets } from "../shared/offsets.js";
import { AnswerText } from "./answer-text.js";
import { alignmentOf, blanksEnd, cellsOf, runEnd } from "./blocks.js";
import { inlineNodes } from "./inline.js";

// Nodes for {before, text, after, media_type, blocks: [{start, end, kind, level}]}; `ranges` are the
// cited places in the three texts together, sorted and disjoint.
export function passageNodes({ before, text, after, media_type: type, blocks = [] }, ranges) {
  const whole = before + text + after;
  const drawn = { whole, ranges, isMarkdown: type === "text/markdown" };
  const [from, to] = [before.length, before.length + text.length];
  if (blocks.length === 0) return plain(drawn, [0, from, to, whole.length]);
  const place = utf16Offsets(whole);
  const parts = blocks.map((part) => ({ ...part, start: place(part.start), end: place(part.end) }));
  return groups(parts, drawn).map((group) => {
    const isCited = group.at(-1).end > from && group[0].start < to;
    const root = element("div", { class: `answer-text ${isCited ? "cited" : "around"}` });
    draw(root, group, drawn);
    return root;
  });
}

function plain(drawn, [start, from, to, end]) {
  const span = (name, one, other) => element("span", { class: name }, marked(drawn, one, other));
  const parts = [span("around", start, from), span("cited", from, to), span("around", to, end)];
  return [element("div", { class: "passage-text" }, parts.filter((part) => part.hasChildNodes()))];
}

// The rows of one table, and the items of one list, are a part each; Markdown has them in one.
function groups(parts, { isMarkdown }) {
  const found = [];
  for (const part of parts) {
    const kind = found.at(-1)?.[0].kind;
    const goesOn = !isMarkdown && kind === part.kind && ["table", "list"].includes(kind);
    if (goesOn) found.at(-1).push(part);
    else found.push([part]);
  }
  return found;
}

function draw(root, group, drawn) {
  const [{ kind, level, start, end }] = group;
  const nodes = (from, to) => marked(drawn, from, to);
  if (kind === "table") root.append(tableOf(drawn.isMarkdown ? barRows(drawn, start, end) : namedRows(drawn, group)));
  else if (kind === "code") root.append(element("pre", { tabindex: 0 }, element("code", {}, nodes(...codeInside(drawn, start, end)))));
  else if (kind === "heading") root.append(element(level <= 2 ? "h3" : "h4", {}, nodes(...headingInside(drawn, start, end))));
  else if (drawn.isMarkdown) drawMarkdown(root, drawn, start, end);
  else if (kind === "list") root.append(element("ul", {}, ...group.map((item) => element("li", {}, nodes(item.start, item.end)))));
  else root.append(element("p", { class: "passage-text" }, nodes(start, end)));
}

function drawMarkdown(root, drawn, start, end) {
  const read = (text) => inlineNodes({ text, start: 0 }, new Map());
  const inline = (part, at) => {
    const from = start + at + part.start;
    return marked(drawn, from, from + part.text.length, read);
  };
  new AnswerText(root, () => {}, inline).render(drawn.whole.slice(start, end), []);
}

// The nodes of the characters `start` to `end`, the cited ones in a `mark`.
function marked({ whole, ranges }, start, end, read = (text) => [text]) {
  const nodes = [];
  let at = start;
  for (const [from, to] of ranges) {
    const begin = Math.max(from, at);
    const stop = Math.min(to, end);
    if (begin >= stop) continue;
    if (begin > at) nodes.push(...read(whole.slice(at, begin)));
    nodes.push(element("mark", {}, read(whole.slice(begin, stop))));
    at = stop;
  }
  if (at < end) nodes.push(...read(whole.slice(at, end)));
  return nodes;
}

function headingInside({ whole, isMarkdown }, start, end) {
  if (!isMarkdown) return [start, end];
  const line = whole.indexOf("\n", start); // a line of === or --- may stand below
  return [blanksEnd(whole, runEnd(whole, start, "#")), line < 0 || line > end ? end : line];
}

function codeInside({ whole, isMarkdown }, start, end) {
  const lines = whole.slice(start, end).split("\n");
  const isFence = (line) => isMarkdown && (line.trim().startsWith("```") || line.trim().startsWith("~~~"));
  const from = isFence(lines[0]) ? start + lines[0].length + 1 : start;
  const to = lines.length > 1 && isFence(lines.at(-1)) ? end - lines.at(-1).length - 1 : end;
  return [Math.min(from, end), Math.max(to, Math.min(from, end))];
}

// Rows {head: [nodes] or null, rows: [[nodes]]} of lines like | a | b |.
function barRows(drawn, start, end) {
  const rows = [];
  let head = null;
  let at = start;
  for (const text of drawn.whole.slice(start, end).split("\n")) {
    const cells = cellsOf({ text, first: blanksEnd(text, 0), end: text.trimEnd().length });
    const isRule = cells?.every((cell) => alignmentOf(text, cell) !== null);
    if (isRule && rows.length === 1) head = rows.pop();
    else if (!isRule) rows.push((cells ?? [[0, text.length]]).map(([from, to]) => marked(drawn, at + from, at + to)));
    at += text.length + 1;
  }
  return { head, rows };
}

// The same of rows like "name: value | name: value", as tables of other formats are written.
function namedRows(drawn, group) {
  const names = [];
  const rows = group.map(({ start, end }) => {
    const row = [];
    let at = start;
    for (const cell of drawn.whole.slice(start, end).split(" | ")) {
      const colon = cell.indexOf(": ");
      const from = at + (colon < 0 ? 0 : colon + 2);
      let column = row.length;
      if (colon >= 0) {
        column = names.indexOf(cell.slice(0, colon));
        if (column < 0) column = names.push(cell.slice(0, colon)) - 1;
      }
      row[column] = [...(row[column] ?? []), ...marked(drawn, from, at + cell.length)];
      at += cell.length + 3;
    }
    return row;
  });
  const width = Math.max(...rows.map((row) => row.length));
  const whole = (row) => Array.from({ length: width }, (_, column) => row[column] ?? []);
  return { head: names.length > 0 ? whole(names.map((name) => [name])) : null, rows: rows.map(whole) };
}

function tableOf({ head, rows }) {
  const line = (tag, cells) => element("tr", {}, ...cells.map((nodes) => element(tag, {}, nodes)));
  const body = element("tbody", {}, ...rows.map((row) => line("td", row)));
  return element("div", { class: "table", tabindex: 0 },
    element("table", {}, head === null ? null : element("thead", {}, line("th", head)), body));
}
