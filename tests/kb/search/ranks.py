"""Candidates made by hand."""

from __future__ import annotations

from kb.search.ranking import RankedChunk
from kb.store.content.chunks import LiveChunk
from kb.types import Chunk, Span


def ranked(
    text: str,
    score: float = 0.5,
    *,
    document: str = "d1",
    index: int = 0,
    heading: str = "",
    page: int = 1,
    start: int | None = None,
) -> RankedChunk:
    """A candidate whose chunk stands at `start` of its page; without it at 100 · index."""
    begin = 100 * index if start is None else start
    span = Span(page, begin, begin + len(text))
    index_text = f"{heading}\n{text}" if heading else text
    identifier = f"{document}.1.1.{index}"
    chunk = Chunk(identifier, document, index, (span,), text, heading, index_text)
    return RankedChunk(LiveChunk(chunk, "set", f"{document}.md", 1), score, {})
