"""What training is made of: rows of conversations, and what is found when they are checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

TurnRole = Literal["system", "user", "assistant", "tool"]
Split = Literal["train", "valid", "test"]
Origin = Literal["imported", "approved", "feedback", "fixed", "generated", "augmented"]


@dataclass(frozen=True, slots=True)
class TrainingTurn:
    """One message. An assistant's turn is trained on with `weight` 1 and only read with 0; None: as
    the form that it came from has it by default (each answer is trained on)."""

    role: TurnRole
    content: str
    weight: Literal[0, 1] | None = None


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """One conversation to learn from, in the one form that all others are read into.

    Rows of one `group` (a document, a fact) always go to the same split. `rejected` is the answer
    that the last turn is preferred to (DPO). `label` is what a classifier learns for the user's
    text. `tools` are definitions as OpenAI has them. `prompt` and `completion` forms keep the text
    before the separator as the user's turn and the text before the stop as the assistant's.
    """

    messages: Annotated[tuple[TrainingTurn, ...], Field(min_length=1)]
    origin: Origin = "imported"
    group: str = ""
    language: str = ""
    split: Split | None = None
    rejected: str | None = None
    label: str | None = None
    tools: tuple[Mapping[str, Any], ...] = ()

    @property
    def prompt(self) -> str:
        """The last question."""
        return next((turn.content for turn in reversed(self.messages) if turn.role == "user"), "")

    @property
    def answer(self) -> str:
        """What is to be learnt: the last assistant's turn."""
        turns = (turn.content for turn in reversed(self.messages) if turn.role == "assistant")
        return next(turns, "")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has found: `blocks` training or warns; `rows` are the first it is about, from
    0."""

    code: str
    blocks: bool
    detail: str
    rows: tuple[int, ...] = ()
    count: int = 0


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """The findings about a set, and its measures (counts, shares from 0 to 1, lengths in tokens of
    the target model, or estimated ones without it)."""

    rows: int
    findings: tuple[Finding, ...]
    measures: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_trainable(self) -> bool:
        """Whether nothing that was found blocks training."""
        return not any(finding.blocks for finding in self.findings)
