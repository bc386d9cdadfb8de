"""What an evaluation is about: documents, questions about them, and the passages that were found.

Positions are characters of a page as it was read (`kb.types.Page.text`); a text file has one page,
number 1, so there they are characters of the file (in Unicode NFC, with `\\n` as the line end).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from kb.types import Span

UNKNOWN_LANGUAGE = "und"
"""BCP 47 for "undetermined"."""


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A document of a question set: a text of its own, or a file. Exactly one of the two is set."""

    name: str
    text: str | None = None
    path: Path | None = None

    def content(self) -> bytes:
        """The bytes to upload under `name`."""
        if self.path is not None:
            return self.path.read_bytes()
        return (self.text or "").encode()


@dataclass(frozen=True, slots=True)
class Relevant:
    """What should be found: a whole document, or the characters start…end of one of its pages;
    without an end those to the end of the page."""

    document: str
    start: int | None = None
    end: int | None = None
    page: int = 1
    grade: float = 1.0


@dataclass(frozen=True, slots=True)
class Question:
    """A question with what is known about its answer; unknown parts are empty.

    `answers` are other words for the same answer, unless `need` is "all": then each is a part.
    `reference` is a right answer in prose, for a judge; without one the answers are.
    """

    id: str
    text: str
    answers: tuple[str, ...] = ()
    relevant: tuple[Relevant, ...] = ()
    answerable: bool = True
    type: str = ""
    language: str = UNKNOWN_LANGUAGE
    need: Literal["any", "all"] = "any"
    reference: str = ""


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions, and the documents that they are about (none: those of the dataset in use)."""

    name: str
    language: str
    documents: Sequence[SourceDocument]
    questions: Sequence[Question]

    def sample(self, count: int, *, seed: int = 0) -> QuestionSet:
        """At most so many questions, chosen by the seed and kept in order; all documents stay."""
        if count >= len(self.questions):
            return self
        chosen = sorted(random.Random(seed).sample(range(len(self.questions)), count))
        return replace(self, questions=[self.questions[place] for place in chosen])


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """A passage that a search returned: its words, and where in which document they stand;
    `document` is its name."""

    document: str
    text: str
    spans: tuple[Span, ...] = ()
    score: float = 0.0
    heading: str = ""
    why: Mapping[str, Any] = field(default_factory=dict)
    document_id: str = ""


@dataclass(frozen=True, slots=True)
class AppAnswer:
    """What an app said, and what it took. `citations` are the passages that its marks rest on;
    `is_grounded` is None where that is not judged, `cost` where its model has no prices."""

    text: str
    citations: Sequence[FoundPassage] = ()
    is_refusal: bool = False
    model: str = ""
    is_grounded: bool | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = None
    first_token_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A candidate of an expected document that became no hit, and the reason."""

    document: str
    score: float
    dropped: str
    why: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TargetResponse:
    """What came back for one question. `error` says why nothing did, `error_code` in one word;
    `left_out` is None where the target does not tell."""

    hits: Sequence[FoundPassage] = ()
    took_ms: float = 0.0
    answer: AppAnswer | None = None
    error: str = ""
    error_code: str = ""
    left_out: Sequence[LeftOut] | None = None


class Target(Protocol):
    """Something that questions can be put to; `name` is how the report calls it."""

    @property
    def name(self) -> str: ...

    def ask(self, question: Question) -> TargetResponse:
        """Put one question; a failure is a `TargetResponse` with an `error`."""
        ...
