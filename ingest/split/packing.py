"""Packs segments into chunks: what belongs together stays together as far as a budget allows.

A heading is followed by some of its text; paragraphs are cut only where a chunk would stay nearly
empty; sentences only where they are longer than a chunk; code and tables only where they must. A
chunk whose tokens are more than those of its segments is cut once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingest.clean.page_layout import KeptText
from ingest.split.sections import Section
from ingest.split.segments import (
    CHARACTERS_PER_TOKEN,
    Segment,
    TokenCounter,
    TokenCounters,
    spans_of,
    subdivided,
)
from kb.protocols import Tokenizer
from kb.text.sentences import joined, sentence_extents
from kb.types import Chunk, Passage, Span

_FULL = 0.9
"""Share of a chunk that is planned for: whole sentences seldom fill the rest. In 80 manuals and
statutes 0.7 to 1.0 give 2,530 to 2,426 chunks, of which 3.3 to 3.4 % are under a quarter full."""
_KEEP_WHOLE = 3
"""A paragraph that does not fit starts the next chunk if this one is a third full. Of those chunks
320 end within a paragraph; 332 if it must be half full, 317 if a sixth is enough."""


class Packing:
    """Fills groups with the segments of one section, each group up to a budget of tokens."""

    def __init__(self, counters: TokenCounters, budget: int, section: Section) -> None:
        """`budget` counts tokens as counters measure them."""
        self._counters = counters
        self._budget = budget
        self._segments = section.segments
        self._headings = section.heading_count
        total = sum(segment.tokens for segment in section.segments)
        # Even chunks instead of full ones and a crumb: a crumb's vector means little.
        count = 1 if total <= budget else -(-total // max(1, int(budget * _FULL)))
        self._target = -(-total // count)
        self._group: list[Segment] = []
        self._filled = 0
        self._only_headings = False

    def groups(self) -> Iterator[list[Segment]]:
        """All segments in order, the big ones taken apart; no group is empty."""
        for number, segment in enumerate(self._segments):
            yield from self._add(segment, is_heading=number < self._headings)
        yield from self._flush()

    def _add(self, segment: Segment, *, is_heading: bool = False) -> Iterator[list[Segment]]:
        waiting = [segment]
        while waiting:
            segment = waiting.pop()
            if self._too_many_pages(segment):
                yield from self._flush()
            if self._fits(segment):
                self._append(segment, is_heading)
            elif self._group and self._stays_whole(segment):
                yield from self._flush()
                waiting.append(segment)
            elif len(parts := subdivided(segment, self._counters, self._room(segment))) > 1:
                waiting.extend(reversed(parts))
            else:
                self._append(segment, is_heading)

    def _append(self, segment: Segment, is_heading: bool) -> None:
        if not self._group:
            self._filled = segment.header_tokens
            self._only_headings = True
        self._only_headings = self._only_headings and is_heading
        self._group.append(segment)
        self._filled += segment.tokens

    def _flush(self) -> Iterator[list[Segment]]:
        if self._group:
            yield self._group
            self._group = []

    def _fits(self, segment: Segment) -> bool:
        if not self._group:
            return segment.tokens + segment.header_tokens <= self._budget
        is_open = self._filled < self._target or self._only_headings
        return is_open and self._filled + segment.tokens <= self._budget

    def _stays_whole(self, segment: Segment) -> bool:
        """Whether a segment that does not fit starts the next group instead of being cut here."""
        if self._only_headings and self._filled <= self._budget // 2:
            return False  # a heading never stands alone
        if self._filled >= self._target:
            return True
        fits_alone = segment.tokens + segment.header_tokens <= self._budget
        full_enough = self._filled >= self._budget // _KEEP_WHOLE
        return fits_alone and (
            segment.stage > 0 or full_enough or segment.kind in ("code", "table")
        )

    def _too_many_pages(self, segment: Segment) -> bool:
        return bool(self._group) and segment.last_page - self._group[0].page > 1

    def _room(self, segment: Segment) -> int:
        """Tokens that a part of a segment may have when only size decides where it is cut."""
        left = self._budget - (self._filled if self._only_headings and self._group else 0)
        return max(1, left - segment.header_tokens)


PATH_SEPARATOR = " > "
_TOKENS_PER_JOINT = 4
"""By so many tokens the halves of a word may differ from the whole; 1 or 2 were seen."""


@dataclass(frozen=True, slots=True)
class HeadingPath:
    """The line above a chunk's text, and all titles as a reader is shown them."""

    line: str
    tokens: int
    heading: str


Packed = tuple[HeadingPath, list[Segment]]
"""What is to be one chunk, or several if it is too large."""


class ChunkBuilder:
    """Makes the chunks of one document; `document_id` and `chunk_prefix` are for their ids."""

    def __init__(
        self,
        document_id: str,
        chunk_prefix: str,
        counters: TokenCounters,
        kept: Mapping[int, KeptText],
        *,
        tokenizer: Tokenizer,
        limit: int,
    ) -> None:
        """`limit`: tokens that a chunk's `index_text` may have."""
        self.counters = counters
        self.limit = limit
        self._document_id = document_id
        self._chunk_prefix = chunk_prefix
        self._kept = kept
        self._tokenizer = tokenizer
        self._paths: dict[tuple[str, ...], HeadingPath] = {}
        self._count = 0

    def packed(self, section: Section, reserved: int) -> Iterator[Packed]:
        """A section packed into chunks that leave `reserved` tokens free."""
        path = self.heading_path(section.heading_path)
        packing = Packing(self.counters, self.limit - path.tokens - reserved, section)
        return ((path, group) for group in packing.groups())

    def chunks(
        self, packed: Iterable[Packed], overlap: int, parent: Passage | None = None
    ) -> Iterator[Chunk]:
        """The chunks, in order; each begins with up to `overlap` tokens of the one before."""
        before: Span | None = None
        for path, group in packed:
            spans = spans_of(group)
            if overlap and before is not None and before.page == spans[0].page:
                spans = self._with_overlap(before, spans, overlap)
            yield from self._fitting(group, spans, path, parent)
            before = spans[-1]

    def passage(self, spans: tuple[Span, ...], path: HeadingPath) -> Passage:
        """What is returned in place of the chunks within some spans."""
        index_text = "\n".join(part for part in (path.line, self._body(spans)) if part)
        return Passage(spans, self._text(spans), index_text)

    def tokens_between(self, first: Segment, last: Segment) -> int:
        """Tokens from the start of a segment to the end of a later one on the same page."""
        return self.counters[first.page].count(first.spans[0].start, last.spans[-1].end)

    def heading_path(self, titles: tuple[str, ...]) -> HeadingPath:
        """At most a third of the limit: outer titles go first, then the end of the innermost."""
        if titles not in self._paths:
            self._paths[titles] = self._shortened(titles)
        return self._paths[titles]

    def _shortened(self, titles: tuple[str, ...]) -> HeadingPath:
        most = self.limit // 3
        heading = PATH_SEPARATOR.join(titles)
        lines = [PATH_SEPARATOR.join(titles[first:]) for first in range(len(titles))]
        if titles:
            counter = TokenCounter(titles[-1], self._tokenizer)
            end = counter.fitting_end(0, len(titles[-1]), max(1, most - 1))
            lines.append(titles[-1][:end].strip())
        for line in lines:
            if (tokens := self._tokens(line + "\n")) <= most:
                return HeadingPath(line, tokens, heading)
        return HeadingPath("", 0, heading)

    def _fitting(
        self,
        group: Sequence[Segment],
        spans: tuple[Span, ...],
        path: HeadingPath,
        parent: Passage | None,
    ) -> Iterator[Chunk]:
        """One chunk, or several if the tokens of the whole are more than those of its parts."""
        body = self._body(spans)
        if not body:
            return
        index_text = "\n".join(part for part in (path.line, group[0].header, body) if part)
        if self._surely_fits(group, spans, path) or self._tokens(index_text) <= self.limit:
            yield self._chunk(spans, path.heading, index_text, parent)
            return
        parts = group
        if len(group) == 1:
            parts = subdivided(group[0], self.counters, group[0].tokens - 1)
        middle = len(parts) // 2
        if not middle:  # one character, and still too long: only what stands above it can go
            yield self._chunk(spans, path.heading, body, parent)
            return
        for half in (parts[:middle], parts[middle:]):
            yield from self._fitting(half, spans_of(half), path, parent)

    def _chunk(
        self, spans: tuple[Span, ...], heading: str, index_text: str, parent: Passage | None
    ) -> Chunk:
        index, self._count = self._count, self._count + 1
        chunk_id, text = f"{self._chunk_prefix}.{index}", self._text(spans)
        return Chunk(chunk_id, self._document_id, index, spans, text, heading, index_text, parent)

    def _text(self, spans: Iterable[Span]) -> str:
        """The pages' own characters."""
        return "".join(self.counters[s.page].text[s.start : s.end] for s in spans)

    def _surely_fits(
        self, group: Sequence[Segment], spans: tuple[Span, ...], path: HeadingPath
    ) -> bool:
        """Whether the measured tokens leave so much room that counting again can be saved.

        Counting is the dearest step here. Tokens of parts that are joined at white space add up,
        give or take what a tokenizer makes of each joint.
        """
        joints = len(spans) + 2
        tokens = path.tokens + group[0].header_tokens
        for span in spans:
            if self._is_torn(span.page, span.start) or self._is_torn(span.page, span.end):
                return False  # half a word may have more tokens than the whole one
            joints += self._kept[span.page].joints(span.start, span.end)
            tokens += self.counters[span.page].count(span.start, span.end)
        return tokens + joints * _TOKENS_PER_JOINT <= self.limit

    def _is_torn(self, page: int, position: int) -> bool:
        text = self.counters[page].text
        return 0 < position < len(text) and text[position - 1 : position + 1].isalnum()

    def _body(self, spans: Sequence[Span]) -> str:
        """The text of some spans without what is removed. Words that meet at a page break are set
        apart, unless their script has no blanks."""
        return joined(self._kept[span.page].of(span.start, span.end).strip() for span in spans)

    def _tokens(self, text: str) -> int:
        return len(self._tokenizer.offsets(text))

    def _with_overlap(
        self, before: Span, spans: tuple[Span, ...], overlap: int
    ) -> tuple[Span, ...]:
        """The spans, begun some whole sentences earlier, as many as `overlap` tokens allow."""
        own = spans[0]
        counter = self.counters[own.page]
        earliest = max(before.start, own.start - overlap * CHARACTERS_PER_TOKEN)
        for first, _ in sentence_extents(counter.text[earliest : own.start]):
            start = earliest + first
            # The first one may be cut, or be all of the chunk before.
            if first > 0 and counter.count(start, own.start) <= overlap:
                return (Span(own.page, start, own.end), *spans[1:])
        return spans
