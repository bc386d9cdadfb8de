"""Fills chunks with pieces: what belongs together stays together as far as a budget allows.

A heading is followed by some of its text; paragraphs are cut only where a chunk would stay nearly
empty; sentences only where they are longer than a chunk; code and tables only where they must.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ingest.split.pieces import Piece, Rulers, finer
from ingest.split.sections import Run
from kb.types import Span

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
