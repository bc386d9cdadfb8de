"""What an evaluation is about: documents, questions about them, and the passages that were found.

Positions are characters of a page as it was read (`kb.types.Page.text`); a text file has one page,
number 1, so there they are characters of the file (in Unicode NFC, with `\\n` as the line end).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

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
    """What should be found: a whole document, or the characters start…end of one of its pages."""

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
    """A passage that a search returned: its words, and where in which document they stand."""

    document: str
    text: str
    spans: tuple[Span, ...] = ()
    score: float = 0.0
    heading: str = ""
    why: Mapping[str, Any] = field(default_factory=dict)
