"""Packs segments into chunks: what belongs together stays together as far as a budget allows.

A heading is followed by some of its text; paragraphs are cut only where a chunk would stay nearly
empty; sentences only where they are longer than a chunk; code and tables only where they must. A
chunk whose tokens are more than those of its segments is cut once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingest.clean.kept_text import KeptText
from ingest.split.sections import Run
from ingest.split.segments import CHARACTERS_PER_TOKEN, Piece, Ruler, Rulers, finer
from kb.protocols import Tokenizer
from kb.text.sentences import sentence_extents
from kb.types import Passage, Span

_FULL = 0.9
"""Share of a chunk that is planned for: whole sentences seldom fill the rest."""
_KEEP_WHOLE = 3
"""A paragraph that does not fit starts the next chunk if this one is a third full."""


class Packing:
    """Fills groups with the pieces of one run, each group up to a budget of tokens."""

    def __init__(self, rulers: Rulers, budget: int, run: Run) -> None:
        """`budget` counts tokens as rulers measure them."""
        self._rulers = rulers
        self._budget = budget
        self._pieces = run.pieces
        self._headings = run.glued
        total = sum(piece.tokens for piece in run.pieces)
        # Even chunks instead of full ones and a crumb: a crumb's vector means little.
        count = 1 if total <= budget else -(-total // max(1, int(budget * _FULL)))
        self._target = -(-total // count)
        self._group: list[Piece] = []
        self._filled = 0
        self._only_headings = False

    def groups(self) -> Iterator[list[Piece]]:
        """All pieces in order, the big ones taken apart; no group is empty."""
        for number, piece in enumerate(self._pieces):
            yield from self._add(piece, is_heading=number < self._headings)
        yield from self._flush()

    def _add(self, piece: Piece, *, is_heading: bool = False) -> Iterator[list[Piece]]:
        waiting = [piece]
        while waiting:
            piece = waiting.pop()
            if self._too_many_pages(piece):
                yield from self._flush()
            if self._fits(piece):
                self._append(piece, is_heading)
            elif self._group and self._stays_whole(piece):
                yield from self._flush()
                waiting.append(piece)
            else:
                parts = finer(piece, self._rulers, self._room(piece))
                if len(parts) > 1:
                    waiting.extend(reversed(parts))
                else:
                    self._append(piece, is_heading)

    def _append(self, piece: Piece, is_heading: bool) -> None:
        if not self._group:
            self._filled = piece.header_tokens
            self._only_headings = True
        self._only_headings = self._only_headings and is_heading
        self._group.append(piece)
        self._filled += piece.tokens

    def _flush(self) -> Iterator[list[Piece]]:
        if self._group:
            yield self._group
            self._group = []

    def _fits(self, piece: Piece) -> bool:
        if not self._group:
            return piece.tokens + piece.header_tokens <= self._budget
        is_open = self._filled < self._target or self._only_headings
        return is_open and self._filled + piece.tokens <= self._budget

    def _stays_whole(self, piece: Piece) -> bool:
        """Whether a piece that does not fit starts the next group instead of being cut here."""
        if self._only_headings and self._filled <= self._budget // 2:
            return False  # a heading never stands alone
        if self._filled >= self._target:
            return True
        fits_alone = piece.tokens + piece.header_tokens <= self._budget
        full_enough = self._filled >= self._budget // _KEEP_WHOLE
        return fits_alone and (piece.stage > 0 or full_enough or piece.kind in ("code", "table"))

    def _too_many_pages(self, piece: Piece) -> bool:
        return bool(self._group) and piece.last_page - self._group[0].page > 1

    def _room(self, piece: Piece) -> int:
        """Tokens that a part of a piece may have when nothing but size decides where it is cut."""
        left = self._budget - (self._filled if self._only_headings and self._group else 0)
        return max(1, left - piece.header_tokens)


def spans_of(group: Sequence[Piece]) -> tuple[Span, ...]:
    """One span per page, from its first piece to its last."""
    spans: list[Span] = []
    for piece in group:
        for span in piece.spans:
            if spans and spans[-1].page == span.page:
                spans[-1] = Span(span.page, spans[-1].start, span.end)
            else:
                spans.append(span)
    return tuple(spans)


PATH_SEPARATOR = " > "
_TOKENS_PER_JOINT = 4
"""By so many tokens the halves of a word may differ from the whole; 1 or 2 were seen."""
_FIRST_WITHOUT_BLANKS = "\u2e80"
"""From here on, Unicode holds the East Asian scripts, which put no blanks between words."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A chunk without its number and its text."""

    spans: tuple[Span, ...]
    heading: str
    index_text: str
    parent: Passage | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """The line above a chunk's text, and all titles as a reader is shown them."""

    line: str
    tokens: int
    heading: str


Group = tuple[Path, list[Piece]]


class Bench:
    """What the cutting of one document needs at every step."""

    def __init__(
        self, rulers: Rulers, kept: Mapping[int, KeptText], tokenizer: Tokenizer, limit: int
    ) -> None:
        """`limit`: tokens that a chunk's `index_text` may have."""
        self.rulers = rulers
        self.limit = limit
        self._kept = kept
        self._tokenizer = tokenizer
        self._paths: dict[tuple[str, ...], Path] = {}

    def groups(self, run: Run, reserved: int) -> Iterator[Group]:
        """A run packed into chunks that leave `reserved` tokens free."""
        path = self.path(run.path)
        packing = Packing(self.rulers, self.limit - path.tokens - reserved, run)
        return ((path, group) for group in packing.groups())

    def drafts(
        self, groups: Iterable[Group], overlap: int, parent: Passage | None = None
    ) -> Iterator[Draft]:
        """The groups as chunks; each begins with up to `overlap` tokens of the one before."""
        before: Span | None = None
        for path, group in groups:
            spans = spans_of(group)
            if overlap and before is not None and before.page == spans[0].page:
                spans = self._reaching_back(before, spans, overlap)
            yield from self._fitting(group, spans, path, parent)
            before = spans[-1]

    def passage(self, spans: tuple[Span, ...], path: Path) -> Passage:
        """What is returned in place of the chunks within some spans."""
        index_text = "\n".join(part for part in (path.line, self._body(spans)) if part)
        return Passage(spans, self.text(spans), index_text)

    def tokens_between(self, first: Piece, last: Piece) -> int:
        """Tokens from the start of a piece to the end of a later one on the same page."""
        return self.rulers[first.page].count(first.spans[0].start, last.spans[-1].end)

    def text(self, spans: Iterable[Span]) -> str:
        """The pages' own characters."""
        return "".join(self.rulers[s.page].text[s.start : s.end] for s in spans)

    def path(self, titles: tuple[str, ...]) -> Path:
        """At most a third of the limit: outer titles go first, then the end of the innermost."""
        if titles not in self._paths:
            self._paths[titles] = self._made_path(titles)
        return self._paths[titles]

    def _made_path(self, titles: tuple[str, ...]) -> Path:
        most = self.limit // 3
        heading = PATH_SEPARATOR.join(titles)
        for first in range(len(titles)):
            line = PATH_SEPARATOR.join(titles[first:])
            if (tokens := self._tokens(line + "\n")) <= most:
                return Path(line, tokens, heading)
        if titles:
            reach = Ruler(titles[-1], self._tokenizer).reach(0, len(titles[-1]), max(1, most - 1))
            line = titles[-1][:reach].strip()
            if (tokens := self._tokens(line + "\n")) <= most:
                return Path(line, tokens, heading)
        return Path("", 0, heading)

    def _fitting(
        self, group: Sequence[Piece], spans: tuple[Span, ...], path: Path, parent: Passage | None
    ) -> Iterator[Draft]:
        """One chunk, or several if the tokens of the whole are more than those of its parts."""
        body = self._body(spans)
        if not body:
            return
        index_text = "\n".join(part for part in (path.line, group[0].header, body) if part)
        if self._surely_fits(group, spans, path) or self._tokens(index_text) <= self.limit:
            yield Draft(spans, path.heading, index_text, parent)
            return
        parts = group if len(group) > 1 else finer(group[0], self.rulers, group[0].tokens - 1)
        middle = len(parts) // 2
        if not middle:  # one character, and still too long: only what stands above it can go
            yield Draft(spans, path.heading, body, parent)
            return
        for half in (parts[:middle], parts[middle:]):
            yield from self._fitting(half, spans_of(half), path, parent)

    def _surely_fits(self, group: Sequence[Piece], spans: tuple[Span, ...], path: Path) -> bool:
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
            tokens += self.rulers[span.page].count(span.start, span.end)
        return tokens + joints * _TOKENS_PER_JOINT <= self.limit

    def _is_torn(self, page: int, position: int) -> bool:
        text = self.rulers[page].text
        return 0 < position < len(text) and text[position - 1 : position + 1].isalnum()

    def _body(self, spans: Sequence[Span]) -> str:
        """The text of some spans without what is removed. Words that meet at a page break are set
        apart, unless their script has no blanks."""
        body = ""
        for span in spans:
            part = self._kept[span.page].of(span.start, span.end).strip()
            if body and part and max(body[-1], part[0]) < _FIRST_WITHOUT_BLANKS:
                body += " "
            body += part
        return body

    def _tokens(self, text: str) -> int:
        return len(self._tokenizer.offsets(text))

    def _reaching_back(
        self, before: Span, spans: tuple[Span, ...], overlap: int
    ) -> tuple[Span, ...]:
        """The spans, begun some whole sentences earlier, as many as `overlap` tokens allow."""
        own = spans[0]
        ruler = self.rulers[own.page]
        earliest = max(before.start, own.start - overlap * CHARACTERS_PER_TOKEN)
        for first, _ in sentence_extents(ruler.text[earliest : own.start]):
            start = earliest + first
            # The first one may be cut, or be all of the chunk before.
            if first > 0 and ruler.count(start, own.start) <= overlap:
                return (Span(own.page, start, own.end), *spans[1:])
        return spans
