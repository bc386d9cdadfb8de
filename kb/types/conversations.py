"""Conversations, their stored messages, what people say about them, and fixed answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from kb.types.apps import Price, VariantName
from kb.types.documents import Failure
from kb.types.search import AnswerSpan, Citation

FinishReason = Literal["stop", "length", "refused", "filtered"]
Grounded = bool | Literal["weak"] | None
"""Whether an answer rests on sources; "weak" where those may not answer the question; None in plain
chat."""
Rating = Literal["like", "dislike"]
FeedbackSource = Literal["user", "operator"]
DislikeReason = Literal["wrong", "incomplete", "outdated", "off_topic", "wrong_source", "unclear"]


@dataclass(frozen=True, slots=True)
class Route:
    """Which variant answers, why, and with which model; `draft_model` wrote a draft for it."""

    variant: VariantName
    reason: str
    model: str
    draft_model: str | None = None


class AppReference(NamedTuple):
    """A published version of an app, by the app's slug."""

    slug: str
    version: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer. `prompt_hidden` is the part of the prompt that only admins may see.

    `cached_tokens` are part of those of the prompt, `reasoning_tokens` of those of the completion;
    0 where the provider does not tell them.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = True
    prompt_hidden: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What one model has used for an answer, and the price of the day."""

    model: str
    usage: Usage
    price: Price = field(default_factory=Price)

    @property
    def cost(self) -> float | None:
        """Money in the currency of the price, None without one."""
        used, price = self.usage, self.price
        if price.price_in is None and price.price_out is None:
            return None
        per_read = price.price_in or 0.0
        per_cached = per_read if price.price_cached is None else price.price_cached
        money = (used.prompt_tokens - used.cached_tokens) * per_read
        money += used.cached_tokens * per_cached
        money += used.completion_tokens * (price.price_out or 0.0)
        return round(money / 1_000_000, 8)


@dataclass(frozen=True, slots=True)
class Turn:
    """One past exchange of a conversation, as the model sees it."""

    query: str
    answer: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """A sequence of messages with one app. `variant` pins the route once a question has set it.

    `replay_of` names the message that was asked again here; only admins see such a conversation.
    `external_id` is who asked and their own name for it, as one digest.
    """

    id: str
    app_id: str
    name: str
    end_user: str | None
    variant: VariantName | None
    created_at: str
    updated_at: str
    replay_of: str | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One question and its answer, as stored when the run ended.

    `search_query` is what was searched for, None in plain chat; `inputs` are for admins only.
    `annotation_id` is the fixed answer that was given, for a question as alike as the score says.
    `review` is what a person has made of it (`kb/apps/reviewing.py`).
    """

    id: str
    conversation_id: str
    run_id: str
    app_id: str
    app_slug: str
    app_version: int
    query: str
    answer: str
    status: Literal["completed", "failed", "cancelled"]
    finish_reason: FinishReason | None
    grounded: Grounded
    route: Route
    sources: Sequence[Mapping[str, Any]]
    citations: tuple[Citation, ...]
    usage: Usage
    timings_ms: Mapping[str, float]
    error: Failure | None
    created_at: str
    search_query: str | None = None
    inputs: Mapping[str, str] | None = None
    replay_of: str | None = None
    cost: float | None = None
    currency: str | None = None
    unsupported: tuple[AnswerSpan, ...] = ()
    annotation_id: str | None = None
    annotation_score: float | None = None
    review: Mapping[str, Any] | None = None

    @property
    def app(self) -> AppReference:
        """The version that answered."""
        return AppReference(self.app_slug, self.app_version)


@dataclass(frozen=True, slots=True)
class Feedback:
    """What one side thinks of an answer: its users together, or the operator.

    `better_answer` is what should have been said; it changes no answer by itself. `reason` says
    what a dislike is about.
    """

    message_id: str
    source: FeedbackSource
    rating: Rating | None
    reason: DislikeReason | None
    text: str
    better_answer: str
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedAnswer(Feedback):
    """The same, with the answer that it is about."""

    question: str
    answer: str
    sources: Sequence[Mapping[str, Any]]
    conversation_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Annotation:
    """An answer that the operator has fixed for a question of an app; no model is asked then.

    `message_id` is the answer that it was made from, None if it was written freely. `hits` counts
    the stored answers that were this one.
    """

    id: str
    app_id: str
    question: str
    answer: str
    message_id: str | None
    created_at: str
    hits: int = 0
    last_hit_at: str | None = None


class FixedMatch(NamedTuple):
    """A fixed answer that a question gets; a `score` of 1 is the same wording."""

    annotation_id: str
    answer: str
    score: float
