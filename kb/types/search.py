"""What a question finds: hits, numbered sources, citations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from kb.types.documents import Chunk

SearchMode = Literal["hybrid", "vector", "keyword"]
Operator = Literal["eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "prefix"]
Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Condition:
    """What a document must fulfil to be searched: a field, an operator and what to compare with.

    `field` is `name`, `media_type`, `id` or `metadata.<key>`; only `in` and `nin` have more than
    one value. A field that a document does not have fulfils no condition, `ne` and `nin` neither.
    """

    field: str
    operator: Operator
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Alternatives of which one must hold; all clauses of an alternative must."""

    alternatives: tuple[tuple[Clause, ...], ...]


Clause: TypeAlias = "Condition | AnyOf"


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found by a search. Higher scores are better, always; `why` explains them.

    `duplicates` counts the candidates with the same words that were left out for it, if any.
    `file_id` is the stored file that its document was made of, if it was; `metadata` and `labels`
    are the document's.
    """

    chunk: Chunk
    dataset_id: str
    document_name: str
    score: float
    why: Mapping[str, Any]
    duplicates: int | None = None
    file_id: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retrieval:
    """A retrieval profile: how a variant looks for its context.

    `merge_neighbours` makes neighbours one hit, `deduplicate` leaves duplicates out; `rerank` asks
    the reranking model, where one is configured. Below `min_score` of the best hit an app refuses,
    and from `sure_score` on its answer counts as grounded; 0 takes the usual ones
    (`kb/search/scoring.py`).
    """

    top_k: int = 8
    mode: SearchMode = "hybrid"
    min_score: float = 0.0
    sure_score: float = 0.0
    context_tokens: int = 3000
    merge_neighbours: bool = True
    deduplicate: bool = True
    rerank: bool = True


_EARLIER_NAMES = {"join": "merge_neighbours", "fold": "deduplicate"}


def with_new_names(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a retrieval under their present names; a name given twice stays as it is."""
    named = {old: new for old, new in _EARLIER_NAMES.items() if new not in options}
    return {named.get(name, name): value for name, value in options.items()}


@dataclass(frozen=True, slots=True)
class Considered:
    """A candidate that became no hit: `dropped` says why, `why` how it was ranked."""

    chunk_id: str
    document_id: str
    document_name: str
    score: float
    why: Mapping[str, Any]
    dropped: str


@dataclass(frozen=True, slots=True)
class Source:
    """A hit with the number under which an answer may cite it (from 1)."""

    n: int
    hit: Hit


@dataclass(frozen=True, slots=True)
class AnswerSpan:
    """Characters of an answer."""

    answer_start: int
    answer_end: int


@dataclass(frozen=True, slots=True)
class Citation:
    """A mark in an answer and the characters it rests on: `quote == page.text[start:end]`, always.

    `answer_start` and `answer_end` say where the mark stands in the answer, in characters.
    """

    n: int
    answer_start: int
    answer_end: int
    chunk_id: str
    document_id: str
    document_name: str
    page: int
    start: int
    end: int
    quote: str
