"""Requests about datasets, and searching them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from api.schemas.common import Body, Name, Text
from api.schemas.processing import ProcessingBody
from kb.types import Retrieval, SearchMode


class DatasetBody(Body):
    """A new dataset."""

    name: Name
    description: Text = ""
    processing: ProcessingBody = ProcessingBody()


class DatasetChange(Body):
    """What is to change in a dataset; what is not given stays."""

    name: Name | None = None
    description: Text | None = None
    processing: ProcessingBody | None = None
    """Only while the dataset is empty."""


class SearchBody(Body):
    """A search in one dataset."""

    query: Annotated[Text, Field(min_length=1, max_length=32_000)]
    top_k: Annotated[int, Field(ge=1, le=100)] = 8
    mode: SearchMode = "hybrid"
    filter: dict[Name, Any] = Field(default_factory=dict)
    """Which documents may answer: `name`, `media_type`, `id` or `metadata.<key>` → a value, or
    conditions `in`, `gt`, `gte`, `lt`, `lte`, `prefix`; all must hold."""
    explain: bool = False
    """Adds to each hit why it was found; for admin keys."""

    def to_retrieval(self) -> Retrieval:
        """The domain type."""
        return Retrieval(top_k=self.top_k, mode=self.mode)
