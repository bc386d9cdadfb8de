"""One variant of an app, ready to answer a question: all that generating needs to know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from kb.chat.ask.chat_models import OpenModel, Prices
from kb.chat.guard.gate import Guarded
from kb.protocols import Prompt
from kb.types import Hit, Piece, Retrieval, Route, Source

Found = dict[Retrieval, tuple[list[Hit], float]]
"""What was searched for a question, by profile, and the milliseconds of each search."""


@dataclass(frozen=True, slots=True)
class DraftStep:
    """The first of two models in sequence; `finish` makes the second's prompt of what it wrote.

    `pieces` are the draft where sentences of the documents are it.
    """

    prompt: Prompt
    finish: Callable[[str], Prompt]
    model: OpenModel | None
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class PreparedVariant:
    """One variant, ready to answer.

    Attributes:
        sources: None in plain chat.
        model: None where no model is asked: `pieces` are the answer then, whole.
        guarded: what its model must not give away.
    """

    route: Route
    prompt: Prompt
    sources: tuple[Source, ...] | None = None
    model: OpenModel | None = None
    pieces: tuple[Piece, ...] = ()
    prices: Prices = (None, None)
    draft: DraftStep | None = None
    guarded: Guarded = field(default_factory=Guarded)
    found: Found = field(default_factory=dict)

    @property
    def search_ms(self) -> float:
        """Milliseconds of all searches."""
        return sum(ms for _, ms in self.found.values())
