"""Requests about datasets, and searching them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import Field

from api.resources.datasets.processing import ProcessingBody
from api.resources.fields import Body, Labels, Name, QuotaBody, RetrievalOptions, Text
from kb.metadata import checked_metadata
from kb.search.filtering import parsed_filter
from kb.store.content.changing import Choice
from kb.types import DocumentStatus

GenerationNumber = Annotated[int, Field(ge=1, le=1_000_000_000)]


class DatasetBody(Body):
    """A new dataset."""

    name: Name
    description: Text = ""
    processing: ProcessingBody = ProcessingBody()
    quota: QuotaBody = QuotaBody()


class DatasetChange(Body):
    """What is to change in a dataset; what is not given stays."""

    name: Name | None = None
    description: Text | None = None
    processing: ProcessingBody | None = None
    """Only while the dataset is empty."""
    quota: QuotaBody | None = None


class ReindexBody(Body):
    """How the next generation of a dataset is made."""

    processing: ProcessingBody | None = None
    """How it is cleaned and split; without it as now."""
    embedder: Name | None = None
    """Its embedding model, named as in `KB_EMBEDDING__MODEL`; without it the configured one."""


class SwitchBody(Body):
    """Which generation is to answer."""

    generation: GenerationNumber


class DocumentChange(Body):
    """What is to change in a document; what is not given stays, null takes it back."""

    metadata: dict[str, Any] | None = None
    """Takes the place of all metadata."""
    enabled: bool | None = None
    """Off, it answers no question until it is on again."""
    valid_from: date | None = None
    valid_until: date | None = None
    """The last day, in UTC, on which it answers."""
    labels: Labels | None = None
    """Only who carries one of them finds and sees it; none: all who may read the dataset."""

    def given(self) -> dict[str, Any]:
        """The columns that change. Raises Rejected."""
        empty = {"metadata": {}, "enabled": True, "labels": ()}
        change = self.model_fields_set & DocumentChange.model_fields.keys()
        named = self.model_dump(mode="json", include=change)
        checked_metadata(named.get("metadata") or {})
        return {name: empty.get(name) if value is None else value for name, value in named.items()}


class DocumentsChange(DocumentChange):
    """What is to change in many documents: those named, or all that fit filter, status and `q`."""

    document_ids: Annotated[tuple[Name, ...], Field(max_length=10_000)] | None = None
    filter: dict[Name, Any] = Field(default_factory=dict)
    """As of a search; `{"name": {"prefix": ""}}` lets all documents through."""
    status: DocumentStatus | None = None
    q: Annotated[str | None, Field(max_length=200)] = None
    """A piece of the name."""

    def choice(self) -> Choice:
        """Which documents. Raises Rejected."""
        return Choice(self.document_ids, parsed_filter(self.filter), self.status, self.q)


class ChunkChange(Body):
    """Whether a piece is found."""

    enabled: bool


class SearchBody(RetrievalOptions):
    """A search in one dataset."""

    query: Annotated[Text, Field(min_length=1, max_length=32_000)]
    filter: dict[Name, Any] = Field(default_factory=dict)
    """Which documents may answer: `name`, `media_type`, `id` or `metadata.<key>` → a value, or
    conditions `ne`, `in`, `nin`, `gt`, `gte`, `lt`, `lte`, `prefix`; all must hold. `or` → filters
    of which one must hold."""
    generation: GenerationNumber | None = None
    """Searches another generation than the one that answers; for admin keys."""
    on: date | None = None
    """The day on which documents must be valid; without it today, in UTC."""
    explain: bool = False
    """Adds to each hit why it was found, and the candidates that became none; for admin keys."""
