"""Generations: one dataset cleaned, split and embedded in one way, beside others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kb.types.documents import Processing

GenerationStatus = Literal["building", "ready", "live", "retired"]


@dataclass(frozen=True, slots=True)
class Generation:
    """One way in which a dataset is indexed; the one whose status is `live` answers.

    `model` is the name by which the embedder is opened, `embedder` its fingerprint. All that are
    not live are kept up with it: what is uploaded or deleted reaches each of them.
    """

    dataset_id: str
    number: int
    status: GenerationStatus
    processing: Processing
    embedder: str
    model: str | None
    created_at: str
    ready_at: str | None
    live_at: str | None
    retired_at: str | None


@dataclass(frozen=True, slots=True)
class GenerationCounts:
    """How far a generation has come: `documents` = `ready` + `failed` + `pending`."""

    documents: int
    ready: int
    failed: int
    chunks: int

    @property
    def pending(self) -> int:
        """Documents that the generation lacks."""
        return self.documents - self.ready - self.failed
