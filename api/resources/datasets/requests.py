"""Requests about datasets, and searching them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from api.resources.datasets.processing import ProcessingBody
from api.resources.fields import Body, Name, Text
from kb.types import Retrieval, SearchMode

GenerationNumber = Annotated[int, Field(ge=1, le=1_000_000_000)]


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


class ReindexBody(Body):
    """How the next generation of a dataset is made."""

    processing: ProcessingBody | None = None
    """How it is cleaned and split; without it as now."""
    embedder: Name | None = None
    """Its embedding model, named as in `KB_EMBEDDING__MODEL`; without it the configured one."""


class SwitchBody(Body):
    """Which generation is to answer."""

    generation: GenerationNumber


class SearchBody(Body):
    """A search in one dataset."""

    query: Annotated[Text, Field(min_length=1, max_length=32_000)]
    top_k: Annotated[int, Field(ge=1, le=100)] = 8
    mode: SearchMode = "hybrid"
    filter: dict[Name, Any] = Field(default_factory=dict)
    """Which documents may answer: `name`, `media_type`, `id` or `metadata.<key>` → a value, or
    conditions `in`, `gt`, `gte`, `lt`, `lte`, `prefix`; all must hold."""
    generation: GenerationNumber | None = None
    """Searches another generation than the one that answers; for admin keys."""
    min_score: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0
    join: bool = True
    """Makes neighbouring passages one hit, and lets the first one grow."""
    fold: bool = True
    """Leaves out passages that say the same as a better one."""
    rerank: bool = True
    """Asks the reranking model, where one is configured."""
    explain: bool = False
    """Adds to each hit why it was found, and the candidates that became none; for admin keys."""

    def to_retrieval(self) -> Retrieval:
        """The domain type."""
        return Retrieval(
            top_k=self.top_k,
            mode=self.mode,
            min_score=self.min_score,
            join=self.join,
            fold=self.fold,
            rerank=self.rerank,
        )
