"""Whole answers, stored messages and conversations, and what is said about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import MISSING, BeforeValidator, Field

from api.errors import AnswerFailed
from api.resources.chat.run_events import (
    AppReference,
    Grounded,
    Outcome,
    RouteResponse,
    RunCompleted,
    RunStarted,
    SourceResponse,
    UsageResponse,
    sources_of,
    visible,
)
from api.resources.response import Response, Sometimes, Timestamp
from kb.apps.reviewing import Group, kinds
from kb.chat.run.run import Run
from kb.types import (
    AnswerSpan,
    BlockKind,
    Cancelled,
    Citation,
    Cited,
    Completed,
    Delta,
    DislikeReason,
    Failed,
    Failure,
    Feedback,
    Message,
    Rating,
    Routed,
    RunEvent,
    Sources,
    Started,
)
from kb.types.conversations import FinishReason


class AnswerResponse(RunStarted, RunCompleted):
    """A whole answer as one object."""

    search_query: str | None
    """What was searched for; null in plain chat."""
    sources: tuple[SourceResponse, ...]

    @classmethod
    def of(cls, events: Iterable[RunEvent], *, full: bool) -> Self:
        """From the events of a finished run.

        Raises:
            AnswerFailed: the run has failed or was cancelled.
        """
        for value in events:
            match value:
                case Failed(error):
                    raise AnswerFailed(error)
                case Cancelled(reason):
                    raise AnswerFailed.cancelled(reason)
        return cls.model_validate(_so_far(events, full=full))


class MessageResponse(Outcome):
    """A stored question and its answer."""

    id: str
    conversation_id: str
    run_id: str
    app: AppReference
    query: str
    search_query: str | None
    status: Literal["completed", "failed", "cancelled"]
    sources: tuple[SourceResponse, ...]
    error: Failure | None
    created_at: Timestamp
    inputs: Annotated[dict[str, str] | MISSING, BeforeValidator(lambda value: value or {})] = (
        MISSING
    )
    """What filled the prompt; for admins."""
    replay_of: str | MISSING | None = MISSING
    """The message whose question was asked again; for admins."""
    feedback: Feedback | MISSING | None = MISSING
    """What the reader's side thinks of the answer; where messages are read."""
    rating: Rating | MISSING | None = MISSING
    said: Sometimes[tuple[Feedback, ...]] = MISSING
    """What users and the operator think of it, the latest last; for admins."""

    @classmethod
    def of(cls, value: Message, *, full: bool) -> Self:
        """As a reader may see it."""
        found = cls.model_validate(visible(value, full=full))
        return found if full else found.model_copy(update=dict.fromkeys(_PRIVATE, MISSING))

    def judged(self, said: Sequence[Feedback], *, full: bool) -> Self:
        """The same with what the reader's side thinks of it; `full` with what each side does."""
        side = "operator" if full else "user"
        mine = next((each for each in said if each.source == side), None)
        update = {"feedback": mine, "rating": mine and mine.rating}
        return self.model_copy(update=update | ({"said": tuple(said)} if full else {}))


_IDS = ("run_id", "conversation_id", "message_id")
_PRIVATE = ("inputs", "replay_of")


class RunResponse(Response):
    """A run: as much of its answer as there is, or how it ended.

    A run that is forgotten is told by its message, which also has the question.
    """

    status: Literal["running", "completed", "failed", "cancelled"]
    run_id: str
    conversation_id: str
    message_id: str
    app: Sometimes[AppReference] = MISSING
    search_query: str | None = None
    sources: tuple[SourceResponse, ...] = ()
    answer: str
    citations: tuple[Citation, ...]
    error: Failure | None = None
    reason: Sometimes[str] = MISSING
    """Why it was cancelled."""
    route: Sometimes[RouteResponse] = MISSING
    finish_reason: FinishReason | MISSING | None = MISSING
    unsupported: Sometimes[tuple[AnswerSpan, ...]] = MISSING
    grounded: Grounded | MISSING = MISSING
    usage: Sometimes[UsageResponse] = MISSING
    cost: Sometimes[float] = MISSING
    currency: Sometimes[str] = MISSING
    timings_ms: Sometimes[Mapping[str, float]] = MISSING
    query: Sometimes[str] = MISSING
    created_at: Sometimes[Timestamp] = MISSING
    inputs: Sometimes[dict[str, str]] = MISSING
    replay_of: str | MISSING | None = MISSING

    @classmethod
    def of(cls, run: Run, *, full: bool) -> Self:
        """A run that is in memory, perhaps so new that it has no event yet."""
        ids = {name: getattr(run.identity, name) for name in _IDS}
        return cls.model_validate({**ids, **_so_far(run.events, full=full)})

    @classmethod
    def stored(cls, value: Message, *, full: bool) -> Self:
        """A run that is no longer in memory."""
        message = MessageResponse.of(value, full=full)
        return cls.model_validate({"message_id": message.id, **dict(message)})


class ConversationResponse(Response):
    """A conversation."""

    id: str
    app_id: str
    name: str
    user: str | None = Field(validation_alias="end_user")
    created_at: Timestamp
    updated_at: Timestamp


class SuggestedQuestions(Response):
    """What may be asked next."""

    data: tuple[str, ...]
    next: None = None


class PassageBlock(Response):
    """Characters `start` to `end` of `before`, `text` and `after` together, and what they are."""

    start: int
    end: int
    kind: BlockKind
    level: int


class PassageResponse(Response):
    """A passage that a message may cite, with what stands around it."""

    n: int
    document_id: str
    document_name: str
    page: int
    start: int
    end: int
    before: str
    text: str
    after: str
    media_type: str
    blocks: tuple[PassageBlock, ...]
    """What its parts are; none where the passage stands alone."""


class FeedbackResponse(Response):
    """What the reader's side thinks of an answer now."""

    feedback: Feedback | None


class ReviewResponse(Response):
    """Questions that ask for nearly the same, and whose answers went wrong."""

    id: str
    """The first message, which stands for all."""
    question: str
    count: int
    kinds: Mapping[str, int]
    reasons: Mapping[DislikeReason, int]
    """How often a dislike said what it is about, and what."""
    last_at: Timestamp
    examples: tuple[MessageResponse, ...]
    nearest: tuple[SourceResponse, ...]
    """The passages that came nearest."""
    review: Mapping[str, Any] | None
    """What was made of it."""

    @classmethod
    def of(cls, group: Group) -> Self:
        """A group, with its latest answers."""
        messages = [each.message for each in group]
        found = (message.sources for message in messages if message.sources)
        nearest = max(found, key=lambda sources: float(sources[0]["score"]), default=())
        return cls(
            id=messages[0].id,
            question=messages[0].query,
            count=len(group),
            kinds=Counter(kind for each in group for kind in kinds(each)),
            reasons=Counter(said.reason for e in group for said in e.dislikes if said.reason),
            last_at=messages[-1].created_at,
            examples=tuple(
                MessageResponse.of(each.message, full=True).judged(each.said, full=True)
                for each in group[-EXAMPLES:]
            ),
            nearest=tuple(map(SourceResponse.model_validate, nearest[:EXAMPLES])),
            review=messages[0].review,
        )


EXAMPLES = 3


class AnnotationResponse(Response):
    """An answer that is fixed for a question."""

    id: str
    question: str
    answer: str
    message_id: str | None
    created_at: Timestamp
    hits: int
    """Stored answers that were this one."""
    last_hit_at: Timestamp | None


class HitResponse(Response):
    """A question that got a fixed answer."""

    message_id: str = Field(validation_alias="id")
    question: str = Field(validation_alias="query")
    score: float = Field(validation_alias="annotation_score")
    created_at: Timestamp


def _so_far(events: Iterable[RunEvent], *, full: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"status": "running", "answer": "", "citations": []}
    found |= {"search_query": None, "sources": []}
    for value in events:
        match value:
            case Delta(text):
                found["answer"] += text
            case Cited(citation):
                found["citations"].append(citation)
            case Started():
                found |= dict(RunStarted.model_validate(value))
            case Routed(route):
                found["route"] = route
            case Sources():
                found |= {"search_query": value.query, "sources": sources_of(value)}
            case Completed():
                found |= dict(RunCompleted.model_validate(visible(value, full=full)))
                found["status"] = "completed"
            case Failed(error):
                found |= {"status": "failed", "error": error}
            case Cancelled(reason):
                found |= {"status": "cancelled", "reason": reason}
    return found
