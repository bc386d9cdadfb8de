"""Run events: the only thing an answer is. Exactly one terminal event ends every run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kb.types.conversations import AppReference, FinishReason, Grounded, Route, Usage
from kb.types.documents import Failure
from kb.types.search import AnswerSpan, Citation, Source


@dataclass(frozen=True, slots=True)
class Started:
    """First event of a run."""

    run_id: str
    conversation_id: str
    message_id: str
    app_slug: str
    app_version: int

    @property
    def app(self) -> AppReference:
        """The version that answers."""
        return AppReference(self.app_slug, self.app_version)


@dataclass(frozen=True, slots=True)
class Routed:
    """The variant that answers; sent again if a fallback happens before the first token."""

    route: Route


@dataclass(frozen=True, slots=True)
class Sources:
    """What the search found and the answer may cite; absent in plain chat."""

    query: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Delta:
    """The next characters of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation whose mark has just been written."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class Completed:
    """The answer is whole. `answer` equals the concatenated deltas.

    `unsupported` are its sentences that cite nothing and say what no source says; `notices` may be
    why it does not rest on sources.
    """

    message_id: str
    finish_reason: FinishReason
    answer: str
    citations: tuple[Citation, ...]
    grounded: Grounded
    route: Route
    usage: Usage
    cost: float | None
    timings_ms: Mapping[str, float]
    unsupported: tuple[AnswerSpan, ...] = ()
    currency: str | None = None
    notices: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Failed:
    """The run ended without a whole answer."""

    error: Failure
    retryable: bool


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Somebody stopped the run, or everybody left."""

    reason: str


RunEvent = Started | Routed | Sources | Delta | Cited | Completed | Failed | Cancelled
TERMINAL_EVENTS = (Completed, Failed, Cancelled)


# Pieces of a generated answer, before they become events.


@dataclass(frozen=True, slots=True)
class TextPiece:
    """Characters from the answerer; may hold `[n]` marks, split anywhere."""

    text: str


@dataclass(frozen=True, slots=True)
class QuotedPiece(TextPiece):
    """Text of the sources, word for word: a number in brackets is part of it and no mark."""


@dataclass(frozen=True, slots=True)
class EndPiece:
    """What the answerer knows at the end. Zero tokens: the provider did not count."""

    finish_reason: FinishReason = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    grounded: Grounded = None
    cached_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class DraftPiece:
    """A finished draft, before the text that another model makes of it, and how it ended; never
    shown."""

    text: str
    end: EndPiece


Piece = TextPiece | DraftPiece | EndPiece
