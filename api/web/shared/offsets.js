// The server counts characters (code points), JavaScript counts UTF-16 units: an emoji is 1 there
// and 2 here. Everything that comes with offsets is converted by this file.

const PAIR = /[\ud800-\udbff][\udc00-\udfff]/;

// A function from code point offsets in `text` to UTF-16 offsets.
export function utf16Offsets(text) {
  if (!PAIR.test(text)) return (offset) => Math.min(offset, text.length);
  const starts = [];
  let position = 0;
  for (const character of text) {
    starts.push(position);
    position += character.length;
  }
  return (offset) => (offset < starts.length ? starts[offset] : text.length);
}

export function countPoints(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

// Where the quotes of citations stand in a passage {page, start, before, text, after}, as sorted,
// disjoint [from, to) UTF-16 ranges of before + text + after. `start` is the page offset of `text`.
// A passage over a page break has one offset only; there the quotes themselves are looked up, each
// behind the one before it.
export function quotedRanges(passage, citations) {
  const whole = passage.before + passage.text + passage.after;
  const place = utf16Offsets(whole);
  const base = passage.start - countPoints(passage.before);
  const inOrder = [...citations].sort((one, other) => one.page - other.page || one.start - other.start);
  const ranges = [];
  let behind = 0;
  for (const { page, start, quote } of inOrder) {
    if (quote === "") continue;
    const expected = page === passage.page && start >= base ? place(start - base) : whole.length;
    const from = whole.startsWith(quote, expected) ? expected : whole.indexOf(quote, behind);
    if (from < 0) continue;
    behind = from;
    ranges.push([from, from + quote.length]);
  }
  return merged(ranges);
}

function merged(ranges) {
  const result = [];
  for (const [from, to] of ranges.sort((one, other) => one[0] - other[0])) {
    const last = result.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else result.push([from, to]);
  }
  return result;
}
