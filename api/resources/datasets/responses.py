"""Answers about datasets, their documents, uploads and generations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from functools import partial
from typing import Annotated, Any, Literal, Self

from pydantic import MISSING, AfterValidator, AliasPath, BeforeValidator, Field

from api.resources.response import Response, Score, Sometimes, Timestamp, unless
from kb.search.results import SearchResult
from kb.store.work.batches import BatchItem
from kb.types import (
    DocumentStatus,
    Failure,
    Generation,
    GenerationCounts,
    Processing,
    Quota,
    Span,
)
from kb.types.documents import GenerationStatus

Spans = tuple[Span, ...]
Rate = Annotated[float, AfterValidator(partial(round, ndigits=1))]
WholeRate = Annotated[int, BeforeValidator(round)]


def _up_to_tenths(seconds: float) -> float:
    return math.ceil(seconds * 10) / 10


Remaining = Annotated[float, AfterValidator(_up_to_tenths)]
"""Seconds: what is left takes longer than 0."""


class DatasetResponse(Response):
    """A dataset; `documents` by status and `used` are there where one dataset is asked for."""

    id: str
    name: str
    description: str
    processing: Processing
    embedder: str
    generation: int
    documents: Sometimes[Mapping[DocumentStatus, int]] = MISSING
    quota: Quota
    used: Sometimes[Quota] = MISSING
    created_at: Timestamp


class DocumentResponse(Response):
    """A document; `version` is the newest upload, `live_version` the one that answers."""

    id: str
    dataset_id: str
    name: str
    version: int
    live_version: int | None
    media_type: str
    size_bytes: int
    sha256: Annotated[str | None, AfterValidator(lambda value: value or None)]
    """Null after a deletion."""
    metadata: Mapping[str, Any]
    status: DocumentStatus
    error: Failure | None
    chunk_count: int
    receipt: Mapping[str, Any] | None
    """Accounts for every character, once the document is ready."""
    batch_id: str | None
    enabled: bool
    valid_from: date | None
    valid_until: date | None
    labels: tuple[str, ...]
    created_at: Timestamp
    updated_at: Timestamp


class ChunkBody(Response):
    """A searchable piece; `page`, `start` and `end` are its first span's."""

    index: int
    page: int = Field(validation_alias=AliasPath("spans", 0, "page"))
    start: int = Field(validation_alias=AliasPath("spans", 0, "start"))
    end: int = Field(validation_alias=AliasPath("spans", 0, "end"))
    spans: Spans
    text: str
    heading: str
    index_text: str
    """What is embedded, searched and put into the prompt."""
    parent: Spans | None = Field(None, validation_alias=AliasPath("parent", "spans"))
    """What a hit returns in place of this piece."""


class ChunkResponse(ChunkBody):
    """A chunk of a stored document."""

    id: str
    enabled: bool


class HitResponse(Response):
    """A passage that a search found; `why` only where `explain` was asked for.

    `duplicates` counts the candidates with the same words that were left out for it, if any.
    """

    chunk_id: str = Field(validation_alias=AliasPath("chunk", "id"))
    document_id: str = Field(validation_alias=AliasPath("chunk", "document_id"))
    document_name: str
    page: int = Field(validation_alias=AliasPath("chunk", "spans", 0, "page"))
    start: int = Field(validation_alias=AliasPath("chunk", "spans", 0, "start"))
    end: int = Field(validation_alias=AliasPath("chunk", "spans", 0, "end"))
    spans: Spans = Field(validation_alias=AliasPath("chunk", "spans"))
    heading: str = Field(validation_alias=AliasPath("chunk", "heading"))
    text: str = Field(validation_alias=AliasPath("chunk", "text"))
    score: Score
    duplicates: Sometimes[int] = MISSING
    why: Sometimes[Mapping[str, Any]] = MISSING


class ConsideredResponse(Response):
    """A candidate that became no hit; `dropped` says why."""

    chunk_id: str
    document_id: str
    document_name: str
    score: Score
    why: Mapping[str, Any]
    dropped: str


class SearchResponse(Response):
    """Hits, best first."""

    hits: tuple[HitResponse, ...]
    took_ms: float
    considered: Sometimes[tuple[ConsideredResponse, ...]] = MISSING
    notices: Annotated[tuple[Failure, ...] | MISSING, unless(())] = MISSING
    """What the search went without, such as `words_only`: the embedder does not answer."""

    @classmethod
    def of(cls, found: SearchResult, took_s: float, *, explain: bool) -> Self:
        """What was found; why only with `explain`."""
        took_ms = round(took_s * 1000, 1)
        fields = {"hits": found.hits, "considered": found.considered, "took_ms": took_ms}
        answer = cls.model_validate({**fields, "notices": found.notices})
        if explain:
            return answer
        hits = tuple(hit.model_copy(update={"why": MISSING}) for hit in answer.hits)
        return answer.model_copy(update={"hits": hits, "considered": MISSING})


class ProgressResponse(Response):
    """How far a batch has come; a document deleted meanwhile is neither ready nor failed."""

    status: Literal["running", "paused", "completed"]
    total: int
    ready: int = Field(0, validation_alias=AliasPath("counts", "ready"))
    failed: int = Field(0, validation_alias=AliasPath("counts", "failed"))
    skipped: int
    documents_per_s: Rate | None = Field(
        None, validation_alias=AliasPath("pace", "documents_per_s")
    )
    bytes_per_s: WholeRate | None = Field(None, validation_alias=AliasPath("pace", "bytes_per_s"))
    eta_s: Remaining | None = Field(None, validation_alias=AliasPath("pace", "eta_s"))
    waits: Sometimes[Failure] = MISSING
    """What documents wait for, such as an embedder that does not answer; they are not lost."""


class BatchResponse(ProgressResponse):
    """An upload and some of its documents; `next` is the cursor of the rest."""

    id: str
    dataset_id: str
    documents: tuple[BatchItem, ...]
    next: str | None
    created_at: Timestamp


class GenerationProgress(Response):
    """Documents by what has become of them, and chunks."""

    documents: int
    ready: int
    failed: int
    pending: int
    chunks: int


class FailedDocument(Response):
    """A document that a generation could not take in."""

    document_id: str
    name: str
    error: Failure


class GenerationResponse(GenerationProgress):
    """A generation and how far it has come; `failures` where one generation is asked for."""

    dataset_id: str
    generation: int
    status: GenerationStatus
    processing: Processing
    embedder: str
    model: str | None
    created_at: Timestamp
    ready_at: Timestamp | None
    live_at: Timestamp | None
    retired_at: Timestamp | None
    failures: Sometimes[tuple[FailedDocument, ...]] = MISSING

    @classmethod
    def of(cls, found: tuple[Generation, GenerationCounts]) -> Self:
        """From a generation and how far it has come."""
        generation, counts = found
        progress = GenerationProgress.model_validate(counts)
        own = {**asdict(generation), "generation": generation.number}
        return cls.model_validate({**own, **dict(progress)})


class ErasureResponse(Response):
    """The receipt of a deletion: `erased` when the document is in no file any more."""

    document_id: str
    dataset_id: str
    status: Annotated[
        Literal["pending", "erased"],
        BeforeValidator(lambda erased_at: "pending" if erased_at is None else "erased"),
    ] = Field(validation_alias="erased_at")
    deleted_at: Timestamp
    erased_at: Timestamp | None
    checks: Annotated[tuple[Mapping[str, Any], ...], BeforeValidator(lambda found: found or ())]


class EraseResponse(Response):
    """What erasing at once has done."""

    erased: int
    pending: int
