"""Run events on the wire: what a stream carries, and what stored answers share with it.

What a reader may see depends on its key: the hidden prompt's tokens, and the cost from which they
could be computed, are for admins (`full`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

from pydantic import MISSING

from api.http.sse import Event
from api.resources.response import Response, Sometimes, unless
from kb.chat.run.recording import source_record
from kb.types import (
    AnswerSpan,
    Cancelled,
    Citation,
    Cited,
    Completed,
    Delta,
    Failed,
    Failure,
    Message,
    Routed,
    RunEvent,
    Sources,
    Started,
)
from kb.types.apps import VariantName
from kb.types.conversations import FinishReason

Told = TypeVar("Told", Completed, Message)

Grounded = bool | Literal["weak"] | None


class AppReference(Response):
    """Which version of which app answers."""

    slug: str
    version: int


class RouteResponse(Response):
    """Which variant answers, why, and with which model."""

    variant: VariantName
    reason: str
    model: str
    draft_model: Sometimes[str] = MISSING


class SourceResponse(Response):
    """A passage that the answer may cite under its number `n`."""

    n: int
    chunk_id: str
    document_id: str
    document_name: str
    page: int
    start: int
    end: int
    heading: Sometimes[str] = MISSING
    score: float
    text: str


class UsageResponse(Response):
    """Tokens; the hidden prompt's are counted for admins only."""

    prompt_tokens: int
    completion_tokens: int
    estimated: bool
    cached_tokens: Annotated[int | MISSING, unless(0)] = MISSING
    """Part of the prompt's, for admins: what the provider had in its cache."""
    reasoning_tokens: Annotated[int | MISSING, unless(0)] = MISSING
    """Part of the completion's: what was only thought."""


class RunStarted(Response):
    """Which run answers, and where it will be stored."""

    run_id: str
    conversation_id: str
    message_id: str
    app: AppReference


class Retrieval(Response):
    """What the search found; absent in plain chat."""

    query: str
    sources: tuple[SourceResponse, ...]


class Outcome(Response):
    """How an answer turned out, live and stored alike."""

    finish_reason: FinishReason | None
    answer: str
    citations: tuple[Citation, ...]
    unsupported: tuple[AnswerSpan, ...]
    """Sentences that cite nothing and say what no source says."""
    grounded: Grounded
    route: RouteResponse
    usage: UsageResponse
    cost: Sometimes[float] = MISSING
    """For admins, where the model has prices."""
    currency: Sometimes[str] = MISSING
    timings_ms: Mapping[str, float]


class RunCompleted(Outcome):
    """A whole answer."""

    message_id: str
    notices: Annotated[tuple[Failure, ...] | MISSING, unless(())] = MISSING
    """Why it may not rest on sources: documents that are still being indexed."""


class RunError(Response):
    """Why a run failed, and whether asking again may help."""

    code: str
    detail: str
    retryable: bool


class RunFailed(Response):
    """The run ended without a whole answer."""

    error: RunError


RunEvents = (
    Event[Literal["run.started"], RunStarted]
    | Event[Literal["route"], RouteResponse]
    | Event[Literal["retrieval"], Retrieval]
    | Event[Literal["delta"], Delta]
    | Event[Literal["citation"], Citation]
    | Event[Literal["run.completed"], RunCompleted]
    | Event[Literal["run.failed"], RunFailed]
    | Event[Literal["run.cancelled"], Cancelled]
)


def event(value: RunEvent, *, full: bool) -> tuple[str, Any]:
    """The name and data of an event; `full` for admins."""
    match value:
        case Delta():
            return "delta", value
        case Cited(citation):
            return "citation", citation
        case Started():
            return "run.started", RunStarted.model_validate(value)
        case Routed(route):
            return "route", RouteResponse.model_validate(route)
        case Sources():
            return "retrieval", Retrieval(query=value.query, sources=sources_of(value))
        case Completed():
            return "run.completed", RunCompleted.model_validate(visible(value, full=full))
        case Failed(error, retryable):
            failed = RunError(code=error.code, detail=error.detail, retryable=retryable)
            return "run.failed", RunFailed(error=failed)
        case Cancelled():
            return "run.cancelled", value


def sources_of(value: Sources) -> tuple[SourceResponse, ...]:
    """What the answer may cite; a stored message holds the same."""
    return tuple(SourceResponse.model_validate(source_record(each)) for each in value.sources)


def visible(value: Told, *, full: bool) -> Told:
    """An outcome without what only admins may see."""
    if full:
        return value
    usage = value.usage
    prompt = usage.prompt_tokens - usage.prompt_hidden
    shown = replace(usage, prompt_tokens=prompt, cached_tokens=0)
    return replace(value, usage=shown, cost=None, currency=None)
