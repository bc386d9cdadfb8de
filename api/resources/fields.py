"""What all request models share: unknown fields are refused, because a typo would be silence."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any, TypeVar, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from kb.metadata import LABEL
from kb.types import SearchMode
from kb.types.search import with_new_names

T = TypeVar("T")


class Body(BaseModel):
    """The JSON body of a request, or a part of one."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    def to(self, kind: type[T]) -> T:
        """A domain type of the fields that it has in common with this body."""
        names = {each.name for each in fields(cast(Any, kind))}
        return kind(**self.model_dump(include=names))


class RetrievalOptions(Body):
    """How hits are found and made; `join` and `fold` are earlier names of two options."""

    top_k: Annotated[int, Field(ge=1, le=100)] = 8
    mode: SearchMode = "hybrid"
    min_score: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0
    merge_neighbours: bool = True
    """Makes neighbouring passages one hit, and lets the first one grow."""
    deduplicate: bool = True
    """Leaves out passages that say the same as a better one."""
    rerank: bool = True
    """Asks the reranking model, where one is configured."""

    @model_validator(mode="before")
    @classmethod
    def _earlier_names(cls, value: object) -> object:
        return with_new_names(value) if isinstance(value, dict) else value


Amount = Annotated[int, Field(ge=0, le=1 << 53)]


class QuotaBody(Body):
    """What may be kept, and brought in a day (UTC); null sets no limit."""

    size_bytes: Amount | None = None
    """Bytes of the uploaded files, kept old versions as well."""
    documents: Amount | None = None
    uploads_per_day: Amount | None = None
    """Upload requests that are accepted."""
    open_uploads: Amount | None = None
    """Resumable uploads whose last byte has not arrived."""


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not hold the character U+0000")
    return text


def _stripped(text: str) -> str:
    """Measured before and stripped after, so that the described length is the one that counts."""
    stripped = text.strip()
    if not stripped:
        raise ValueError("must hold more than blanks")
    return stripped


Text = Annotated[str, StringConstraints(max_length=200_000), AfterValidator(_without_nul)]
"""Any text of a sensible length."""

Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    AfterValidator(_without_nul),
    AfterValidator(_stripped),
]
"""A name that people read."""

Label = Annotated[str, StringConstraints(pattern=f"^{LABEL}$")]
"""A name that stands in addresses."""

Labels = Annotated[tuple[Label, ...], Field(max_length=100)]
"""What documents and keys have in common where one opens the other."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
"""An app's name in addresses: lower-case letters, digits and hyphens."""

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""As ISO 4217 has it."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_without_nul)]
"""An identifier that the server gave out."""
