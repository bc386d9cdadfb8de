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

export const codePoints = (text) => [...text];

// Where the quotes of citations stand in a passage {page, start, before, text, after}, as sorted,
// disjoint [from, to) code point ranges of before + text + after. `start` is the page offset of
// `text`. A passage over a page break has one offset only; there the quote itself is looked up.
export function quotedRanges(passage, citations) {
  const before = codePoints(passage.before);
  const whole = [...before, ...codePoints(passage.text), ...codePoints(passage.after)];
  const base = passage.start - before.length;
  const ranges = citations.map((citation) => {
    const length = codePoints(citation.quote).length;
    const expected = citation.start - base;
    if (citation.page === passage.page && matches(whole, expected, citation.quote, length)) {
      return [expected, expected + length];
    }
    const found = whole.join("").indexOf(citation.quote);
    if (found < 0 || length === 0) return null;
    const from = codePoints(whole.join("").slice(0, found)).length;
    return [from, from + length];
  });
  return merged(ranges.filter((range) => range !== null));
}

function matches(whole, from, quote, length) {
  return length > 0 && from >= 0 && whole.slice(from, from + length).join("") === quote;
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
