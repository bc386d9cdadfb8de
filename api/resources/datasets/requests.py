"""Requests about datasets, and searching them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from api.resources.datasets.processing import ProcessingBody
from api.resources.fields import Body, Name, QuotaBody, RetrievalOptions, Text

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


class SearchBody(RetrievalOptions):
    """A search in one dataset."""

    query: Annotated[Text, Field(min_length=1, max_length=32_000)]
    filter: dict[Name, Any] = Field(default_factory=dict)
    """Which documents may answer: `name`, `media_type`, `id` or `metadata.<key>` → a value, or
    conditions `ne`, `in`, `nin`, `gt`, `gte`, `lt`, `lte`, `prefix`; all must hold. `or` → filters
    of which one must hold."""
    generation: GenerationNumber | None = None
    """Searches another generation than the one that answers; for admin keys."""
    explain: bool = False
    """Adds to each hit why it was found, and the candidates that became none; for admin keys."""
