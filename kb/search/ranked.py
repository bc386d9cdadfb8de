"""A candidate on its way to becoming a hit, and what became of those that did not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from kb.store.content.chunks import LiveChunk
from kb.types import Considered


@dataclass(frozen=True, slots=True)
class Ranked:
    """A live chunk with its score (0..1, higher is better) and how that came about."""

    found: LiveChunk
    score: float
    why: Mapping[str, Any]

    @property
    def chunk_id(self) -> str:
        """The id of its chunk."""
        return self.found.chunk.id

    def scored(self, score: float, **why: Any) -> Ranked:
        """The same with another score, and more reasons."""
        return replace(self, score=score, why={**self.why, **why})

    def dropped(self, reason: str) -> Considered:
        """What is told of it if it becomes no hit."""
        chunk = self.found.chunk
        return Considered(
            chunk.id,
            chunk.document_id,
            self.found.document_name,
            self.score,
            self.why,
            dropped=reason,
        )
