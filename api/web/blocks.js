// Splits an answer into blocks: paragraphs, headings, lists, quotes, code. A small part of Markdown,
// line by line; what is not understood stays text. Every line keeps its place in the answer, because
// citations point there.

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const ITEM = /^(\s*)([-*+•]|\d{1,4}[.)])\s+(?=\S)/;
const QUOTE = /^ {0,3}> ?/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;

// [{kind, start, end, lines: [{text, start}]}], with `start` in UTF-16 units of the answer.
// Lists have `items: [{depth, ordered, number, lines}]` instead of lines.
export function splitBlocks(answer) {
  const lines = linesOf(answer);
  const blocks = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    if (line.text.trim() === "") {
      at += 1;
      continue;
    }
    const [block, next] = readBlock(lines, at);
    block.start = line.start;
    block.end = lines[next - 1].start + lines[next - 1].text.length;
    blocks.push(block);
    at = next;
  }
  return blocks;
}

function linesOf(answer) {
  let start = 0;
  return answer.split("\n").map((text) => {
    const line = { text: text.endsWith("\r") ? text.slice(0, -1) : text, start };
    start += text.length + 1;
    return line;
  });
}

function readBlock(lines, at) {
  const { text } = lines[at];
  if (FENCE.test(text)) return readCode(lines, at);
  if (HEADING.test(text)) return [readHeading(lines[at]), at + 1];
  if (RULE.test(text)) return [{ kind: "rule", lines: [] }, at + 1];
  if (ITEM.test(text)) return readList(lines, at);
  if (QUOTE.test(text)) return readQuote(lines, at);
  return readParagraph(lines, at);
}

function readCode(lines, at) {
  const [, fence, language] = FENCE.exec(lines[at].text);
  let end = at + 1;
  while (end < lines.length && !closes(lines[end].text.trim(), fence)) end += 1;
  const block = { kind: "code", language: language.trim(), lines: lines.slice(at + 1, end) };
  return [block, Math.min(end + 1, lines.length)];
}

function closes(text, fence) {
  return text.length >= fence.length && [...text].every((character) => character === fence[0]);
}

function readHeading({ text, start }) {
  const [, marks, title] = HEADING.exec(text);
  const offset = text.indexOf(title, text.indexOf(marks) + marks.length);
  return { kind: "heading", level: marks.length, lines: [{ text: title, start: start + offset }] };
}

function readList(lines, at) {
  const items = [];
  const indents = [];
  let next = at;
  for (; next < lines.length; next += 1) {
    const { text } = lines[next];
    const item = RULE.test(text) ? null : ITEM.exec(text);
    if (item && isOtherList(item, items, indents)) break;
    if (item) items.push(readItem(lines[next], item, indents));
    else if (text.trim() === "") {
      if (!continuesAfterBlank(lines, next)) break;
    } else if (startsOther(text)) break;
    else items.at(-1).lines.push(trimmed(lines[next]));
  }
  return [{ kind: "list", items }, next];
}

const isOrdered = (marker) => /\d/.test(marker);

// Numbers after bullets, or the other way round, begin a list of their own.
function isOtherList([, indent, marker], items, indents) {
  return items.length > 0 && indent.length <= indents[0] && isOrdered(marker) !== items[0].ordered;
}

function readItem(line, [prefix, indent, marker], indents) {
  while (indents.length > 0 && indent.length < indents.at(-1)) indents.pop();
  if (indents.length === 0 || indent.length > indents.at(-1)) indents.push(indent.length);
  const ordered = isOrdered(marker);
  return {
    depth: indents.length - 1,
    ordered,
    number: ordered ? Number.parseInt(marker, 10) : null,
    lines: [{ text: line.text.slice(prefix.length), start: line.start + prefix.length }],
  };
}

// A blank line ends a list unless another item, or text indented under the item, follows it.
function continuesAfterBlank(lines, at) {
  const following = lines[at + 1]?.text ?? "";
  return ITEM.test(following) || (/^\s{2,}\S/.test(following) && !FENCE.test(following));
}

const startsOther = (text) =>
  FENCE.test(text) || HEADING.test(text) || RULE.test(text) || QUOTE.test(text);

function readQuote(lines, at) {
  let next = at;
  while (next < lines.length && QUOTE.test(lines[next].text)) next += 1;
  const inside = lines.slice(at, next).map(({ text, start }) => {
    const { length } = QUOTE.exec(text)[0];
    return { text: text.slice(length), start: start + length };
  });
  return [{ kind: "quote", lines: inside }, next];
}

function readParagraph(lines, at) {
  let next = at + 1;
  while (next < lines.length) {
    const { text } = lines[next];
    if (text.trim() === "" || startsOther(text) || ITEM.test(text)) break;
    next += 1;
  }
  return [{ kind: "paragraph", lines: lines.slice(at, next).map(trimmed) }, next];
}

function trimmed({ text, start }) {
  const offset = text.length - text.trimStart().length;
  return { text: text.trim(), start: start + offset };
}
