"""Run events and answers as JSON objects: the shapes of "Chat events" in the API's contract.

What a reader may see depends on its key: the hidden prompt's tokens, and the cost from which they
could be computed, are for admins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from api.errors import AnswerFailed
from api.resources import encoders
from kb.chat.run.recording import source_record
from kb.types import (
    Cancelled,
    Citation,
    Cited,
    Completed,
    Delta,
    Failed,
    Failure,
    Message,
    Route,
    Routed,
    RunEvent,
    Source,
    Sources,
    Started,
    Usage,
)

Json = dict[str, Any]


def event(value: RunEvent, *, full: bool) -> tuple[str, Json]:
    """The name and data of an event; `full` for admins."""
    match value:
        case Delta(text):
            return "delta", {"text": text}
        case Cited(found):
            return "citation", citation(found)
        case Started():
            return "run.started", started(value)
        case Routed(route):
            return "route", _route(route)
        case Sources(query, found):
            return "retrieval", {"query": query, "sources": sources(found)}
        case Completed():
            return "run.completed", completed(value, full=full)
        case Failed(error, retryable):
            return "run.failed", {"error": {**asdict(error), "retryable": retryable}}
        case Cancelled(reason):
            return "run.cancelled", {"reason": reason}


def _route(value: Route) -> Json:
    fields = asdict(value)
    if value.draft_model is None:
        del fields["draft_model"]
    return fields


def started(value: Started) -> Json:
    """Which run answers, and where it will be stored."""
    return {
        "run_id": value.run_id,
        "conversation_id": value.conversation_id,
        "message_id": value.message_id,
        "app": {"slug": value.app_slug, "version": value.app_version},
    }


def sources(values: Iterable[Source]) -> list[Json]:
    """What the answer may cite; a stored message holds the same."""
    return [source_record(source) for source in values]


def citation(value: Citation) -> Json:
    """Where a mark stands, and the characters it rests on."""
    return asdict(value)


def usage(value: Usage, *, full: bool) -> Json:
    """Tokens; the hidden prompt's are counted for admins only."""
    return {
        "prompt_tokens": value.prompt_tokens - (0 if full else value.prompt_hidden),
        "completion_tokens": value.completion_tokens,
        "estimated": value.estimated,
    }


def outcome(value: Completed | Message, *, full: bool) -> Json:
    """How an answer turned out, live and stored alike."""
    cost = {"cost": value.cost} if full and value.cost is not None else {}
    return {
        "finish_reason": value.finish_reason,
        "answer": value.answer,
        "citations": [citation(item) for item in value.citations],
        "unsupported": [asdict(item) for item in value.unsupported],
        "grounded": value.grounded,
        "route": _route(value.route),
        "usage": usage(value.usage, full=full),
        **cost,
        "timings_ms": dict(value.timings_ms),
    }


def completed(value: Completed, *, full: bool) -> Json:
    """A whole answer."""
    return {"message_id": value.message_id, **outcome(value, full=full)}


def answer(events: Iterable[RunEvent], *, full: bool) -> Json:
    """The answer of a finished run as one object.

    Raises:
        AnswerFailed: the run has failed or was cancelled.
    """
    body: Json = {"search_query": None, "sources": []}
    for value in events:
        match value:
            case Started():
                body |= started(value)
            case Sources(query, found):
                body |= {"search_query": query, "sources": sources(found)}
            case Completed():
                body |= completed(value, full=full)
            case Failed(error):
                raise AnswerFailed(error)
            case Cancelled(reason):
                raise AnswerFailed(Failure("cancelled", f"The answer was stopped ({reason})."))
    return body


def message(value: Message, *, full: bool) -> Json:
    """A stored question and its answer; what filled the prompt and replays are for admins."""
    private = {"inputs": dict(value.inputs or {}), "replay_of": value.replay_of} if full else {}
    return {
        "id": value.id,
        "conversation_id": value.conversation_id,
        "run_id": value.run_id,
        "app": {"slug": value.app_slug, "version": value.app_version},
        "query": value.query,
        "search_query": value.search_query,
        "status": value.status,
        "sources": [dict(source) for source in value.sources],
        **outcome(value, full=full),
        "error": encoders.failure(value.error),
        "created_at": value.created_at,
        **private,
    }


def run_state(events: Sequence[RunEvent], *, full: bool) -> Json:
    """A run that is in memory: as much of its answer as there is."""
    body: Json = {"status": "running", "error": None, "search_query": None, "sources": []}
    for value in events:
        match value:
            case Started():
                body |= started(value)
            case Routed(route):
                body["route"] = _route(route)
            case Sources(query, found):
                body |= {"search_query": query, "sources": sources(found)}
            case Completed():
                body |= {"status": "completed", **completed(value, full=full)}
            case Failed(error):
                body |= {"status": "failed", "error": encoders.failure(error)}
            case Cancelled(reason):
                body |= {"status": "cancelled", "reason": reason}
    if "answer" not in body:
        body["answer"] = "".join(value.text for value in events if isinstance(value, Delta))
        body["citations"] = [citation(v.citation) for v in events if isinstance(v, Cited)]
    return body


def stored_run(value: Message, *, full: bool) -> Json:
    """A run that is no longer in memory, as its message tells it."""
    body = message(value, full=full)
    return {"message_id": body.pop("id"), **body}
