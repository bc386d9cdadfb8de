"""A preview as an answer: what cleaning takes out, and the chunks that are left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from api.resources.datasets.responses import ChunkBody
from api.resources.response import Response
from ingest.work.preview import Preview
from kb.types import Failure


class PreviewedChunk(ChunkBody):
    """A chunk that a preview would store."""

    tokens: int = 0


class RemovalResponse(Response):
    """Characters of a page that a cleaning rule takes out."""

    rule: str
    page: int
    start: int
    end: int
    text: str


class PreviewResponse(Response):
    """What cleaning takes out of a file, and the chunks that are left; nothing is stored."""

    name: str
    media_type: str
    error: Failure | None
    receipt: Mapping[str, Any]
    removed_count: int
    removed: tuple[RemovalResponse, ...]
    chunk_count: int
    chunks: tuple[PreviewedChunk, ...]

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """The first removals and chunks; the counts are of all."""
        processed, refusal = preview.processed, preview.processed.refusal
        texts = {page.number: page.text for page in processed.extraction.pages}
        return cls(
            name=preview.name,
            media_type=preview.media_type,
            error=None if refusal is None else Failure(refusal.code, refusal.detail),
            receipt=processed.receipt,
            removed_count=processed.removal_count,
            removed=tuple(
                RemovalResponse(
                    rule=item.rule,
                    page=item.page,
                    start=item.start,
                    end=item.end,
                    text=texts[item.page][item.start : item.end],
                )
                for item in processed.removals
            ),
            chunk_count=processed.receipt["chunks"],
            chunks=tuple(
                PreviewedChunk.model_validate(chunk).model_copy(update={"tokens": tokens})
                for chunk, tokens in zip(processed.chunks, preview.tokens, strict=True)
            ),
        )
