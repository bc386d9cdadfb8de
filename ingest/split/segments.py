"""Segments of text that a chunk is packed from, and how one that is too big is taken apart.

Finer and subdivided: a paragraph into sentences, those into clauses, those between tokens; lists,
tables and code into lines first. Only white space is lost where a segment is cut. Sizes are counted
in the embedder's tokens, after a page was tokenised once.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from kb.protocols import Tokenizer
from kb.text.sentences import sentence_extents, trimmed
from kb.types import BlockKind, Extent, Span

_WINDOW = 8192
_BREAK = re.compile(r"\s")

CHARACTERS_PER_TOKEN = 16
"""More characters than this count as another token. Natural text has far fewer (measured with the
bundled model on six corpora: 1.0 in Chinese statutes to 3.5 in English manuals, at most 4.6 in one
file); a word that the model does not know is one token, even one that fills megabytes."""


class TokenCounter:
    """Token positions of one page's text."""

    def __init__(self, text: str, tokenizer: Tokenizer) -> None:
        self.text = text
        self._starts = array("L")
        for start, end in _stretches(text):
            self._starts.extend([start + first for first, _ in tokenizer.offsets(text[start:end])])

    def count(self, start: int, end: int) -> int:
        """About how many tokens a slice has: those that begin in it, or more if they are long.

        Cut out, it may have a few more or fewer, because a tokenizer looks across the cut.
        """
        beginning = bisect_left(self._starts, end) - bisect_left(self._starts, start)
        return max(beginning, -(-(end - start) // CHARACTERS_PER_TOKEN))

    def fitting_end(self, start: int, end: int, budget: int) -> int:
        """Where to end a slice from `start` so that it holds at most `budget` tokens.

        The last white space in its second half if there is one, else between two tokens.
        """
        first = bisect_left(self._starts, start)
        stop = min(end, start + budget * CHARACTERS_PER_TOKEN)
        if first + budget < len(self._starts):
            stop = min(stop, self._starts[first + budget])
        stop = max(stop, start + 1)
        if stop >= end:
            return end
        for position in range(stop, (start + stop) // 2, -1):
            if self.text[position].isspace():
                return position
        return stop


def _stretches(text: str) -> list[tuple[int, int]]:
    """Slices that break at white space, so that no token is cut: tokenising a whole book at once
    would hold all its tokens as objects."""
    windows = []
    start = 0
    while start < len(text):
        end = min(start + _WINDOW, len(text))
        gap = _BREAK.search(text, end, end + _WINDOW)
        end = gap.start() if gap is not None else end
        windows.append((start, end))
        start = end
    return windows


TokenCounters = Mapping[int, TokenCounter]
"""By the numbers of pages."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Text that stays together if it fits. `stage` counts how often it was taken apart.

    `spans` are two only for a sentence that runs over a page break. `header` is the header row of
    the Markdown table that a row was cut from: without it a row does not say what its cells are.
    """

    spans: tuple[Span, ...]
    kind: BlockKind
    tokens: int
    stage: int = 0
    header: str = ""
    header_tokens: int = 0

    @property
    def page(self) -> int:
        """Page on which the segment starts."""
        return self.spans[0].page

    @property
    def last_page(self) -> int:
        """Page on which the segment ends."""
        return self.spans[-1].page


def segment(span: Span, kind: BlockKind, counters: TokenCounters, stage: int = 0) -> Segment:
    """A segment of one span, its tokens counted."""
    return Segment((span,), kind, counters[span.page].count(span.start, span.end), stage)


def spans_of(group: Iterable[Segment]) -> tuple[Span, ...]:
    """One span per page, from its first segment to its last."""
    spans: list[Span] = []
    for part in group:
        for span in part.spans:
            if spans and spans[-1].page == span.page:
                spans[-1] = Span(span.page, spans[-1].start, span.end)
            else:
                spans.append(span)
    return tuple(spans)


def non_blank(text: str, start: int, end: int) -> Iterator[Extent]:
    """The extent without white space at its edges, if anything is left of it."""
    first, last = trimmed(text, start, end)
    if last > first:
        yield first, last


def subdivided(whole: Segment, counters: TokenCounters, budget: int) -> list[Segment]:
    """The segment taken apart by the first way that gives more than one part.

    The last way is between tokens, into parts of at most `budget` of them, so a segment of at least
    two characters always comes apart.
    """
    if len(whole.spans) > 1:
        return [segment(span, whole.kind, counters, whole.stage) for span in whole.spans]
    span = whole.spans[0]
    counter = counters[span.page]
    ways = _WAYS.get(whole.kind, _PROSE)
    for stage in range(whole.stage, len(ways)):
        extents = list(ways[stage](counter.text, span.start, span.end))
        if len(extents) > 1:
            return _parts(whole, extents, stage + 1, counters, budget)
    extents = list(_windows(counter, span.start, span.end, budget))
    return _parts(whole, extents, len(ways), counters, budget)


def table_rows(table: Segment, counters: TokenCounters, budget: int) -> list[Segment]:
    """A table's rows, each with the header row above it, which stands in the first one itself."""
    span = table.spans[0]
    counter = counters[span.page]
    extents = list(_lines(counter.text, span.start, span.end))
    header, tokens = _table_header(counter, span)
    if header and len(extents) > 2:
        extents[:3] = [(extents[0][0], extents[2][1])]
    parts = [segment(Span(span.page, *extent), "table", counters, stage=1) for extent in extents]
    return _under_header(parts, header, tokens, budget)


def _parts(
    whole: Segment, extents: list[Extent], stage: int, counters: TokenCounters, budget: int
) -> list[Segment]:
    page = whole.page
    parts = [segment(Span(page, start, end), whole.kind, counters, stage) for start, end in extents]
    if whole.header:
        tokens = whole.header_tokens
        return [replace(part, header=whole.header, header_tokens=tokens) for part in parts]
    if whole.kind != "table" or stage != 1:
        return parts
    header = _table_header(counters[page], whole.spans[0])
    return [*parts[:1], *_under_header(parts[1:], *header, budget)]


def _under_header(parts: list[Segment], header: str, tokens: int, budget: int) -> list[Segment]:
    """The rows, all but the first with the header row, unless that takes a third of a chunk."""
    if not header or tokens > budget // 3:
        return parts
    later = (replace(part, header=header, header_tokens=tokens) for part in parts[1:])
    return [*parts[:1], *later]


_RULE_ROW = re.compile(r"[ \t]*\|?[ \t:|-]*-[ \t:|-]*$")


def _table_header(counter: TokenCounter, span: Span) -> tuple[str, int]:
    """The header row of a Markdown table (the one above the row of dashes) and its tokens."""
    lines = counter.text[span.start : span.end].split("\n", 2)
    if len(lines) < 2 or _RULE_ROW.match(lines[1]) is None:
        return "", 0
    return lines[0].strip(), counter.count(span.start, span.start + len(lines[0]))


def _lines(text: str, start: int, end: int) -> Iterator[Extent]:
    position = start
    for line in text[start:end].split("\n"):
        for _, last in non_blank(text, position, position + len(line)):
            # Indentation is kept: code and nested lists mean something by it.
            yield position, last
        position += len(line) + 1


def _sentences(text: str, start: int, end: int) -> Iterator[Extent]:
    for first, last in sentence_extents(text[start:end]):
        yield start + first, start + last


_CLAUSE_END = re.compile(r"[；;，,：:、—…]+[\"'”’」』）)]*\s*|\n")


def _clauses(text: str, start: int, end: int) -> Iterator[Extent]:
    position = start
    for match in _CLAUSE_END.finditer(text, start, end):
        if not _inside_number(text, match):
            yield from non_blank(text, position, match.end())
            position = match.end()
    yield from non_blank(text, position, end)


def _inside_number(text: str, match: re.Match[str]) -> bool:
    return match[0] in ",:" and text[match.end() : match.end() + 1].isalnum()


def _windows(counter: TokenCounter, start: int, end: int, budget: int) -> Iterator[Extent]:
    if counter.count(start, end) <= budget:
        budget = max(1, budget // 2)
    position = start
    while position < end:
        stop = counter.fitting_end(position, end, budget)
        yield from non_blank(counter.text, position, stop)
        position = stop


_Way = Callable[[str, int, int], Iterator[Extent]]
_PROSE: tuple[_Way, ...] = (_sentences, _clauses)
_WAYS: dict[BlockKind, tuple[_Way, ...]] = {
    "list": (_lines, _sentences, _clauses),
    "table": (_lines, _clauses),
    "code": (_lines,),
}
