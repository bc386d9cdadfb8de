"""Requests about datasets, and searching them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from api.schemas.common import Body, Name, Text
from ingest.clean import RULES
from kb.types import Processing, Retrieval, SearchMode, SplitOptions


class SplitBody(Body):
    """How text is cut into chunks."""

    mode: Literal["auto"] = "auto"
    max_tokens: Annotated[int, Field(ge=16, le=8192)] | None = None
    """Tokens of the embedder in one chunk; null takes what it reads best."""
    overlap: Annotated[int, Field(ge=0, le=1024)] = 0
    """Tokens that two neighbouring chunks share."""


class ProcessingBody(Body):
    """How a dataset's documents are cleaned and split."""

    clean: dict[Name, bool] = Field(default_factory=dict)
    split: SplitBody = SplitBody()

    @field_validator("clean")
    @classmethod
    def _is_known(cls, clean: dict[str, bool]) -> dict[str, bool]:
        unknown = sorted(set(clean) - set(RULES))
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: no such rule; known are {', '.join(RULES)}")
        return clean

    def to_processing(self) -> Processing:
        """The domain type."""
        split = SplitOptions(self.split.mode, self.split.max_tokens, self.split.overlap)
        return Processing(self.clean, split)


class DatasetBody(Body):
    """A new dataset."""

    name: Name
    description: Text = ""
    processing: ProcessingBody = ProcessingBody()


class DatasetChange(Body):
    """What is to change in a dataset; what is not given stays."""

    name: Name | None = None
    description: Text | None = None


class SearchBody(Body):
    """A search in one dataset."""

    query: Annotated[Text, Field(min_length=1, max_length=32_000)]
    top_k: Annotated[int, Field(ge=1, le=100)] = 8
    mode: SearchMode = "hybrid"
    explain: bool = False
    """Adds to each hit why it was found; for admin keys."""

    def to_retrieval(self) -> Retrieval:
        """The domain type."""
        return Retrieval(top_k=self.top_k, mode=self.mode)
