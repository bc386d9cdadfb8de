"""What an answer leaves behind: its stored message, its usage and what it cost.

Written once, at the end, also for a partial answer; live and reloaded answers look alike.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kb.chat.attempts import Attempt
from kb.chat.run import RunIdentity, Terminal
from kb.chat.tokens import estimate_tokens
from kb.ids import now
from kb.protocols import Prompt
from kb.store import apps, conversations
from kb.store.database import Database
from kb.types import (
    Cancelled,
    Citation,
    Completed,
    EndPiece,
    Failed,
    Message,
    Scope,
    Source,
    Usage,
)

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Exchange:
    """The fixed facts of one question: who asked what of which version, and since when."""

    identity: RunIdentity
    scope: Scope
    app_slug: str
    app_version: int
    query: str
    is_new_conversation: bool
    began: float = field(default_factory=time.perf_counter)

    def elapsed_ms(self) -> float:
        """Milliseconds since the question came in."""
        return (time.perf_counter() - self.began) * 1000


@dataclass(frozen=True, slots=True)
class Answer:
    """What has been answered so far; `first_token_ms` is None until there is text."""

    attempt: Attempt
    text: str = ""
    citations: Sequence[Citation] = ()
    first_token_ms: float | None = None


def store(database: Database, exchange: Exchange, answer: Answer, terminal: Terminal) -> None:
    """Write the message, also of a partial answer; nothing if the app was deleted meanwhile."""
    message = _message(exchange, answer, terminal)
    identity = exchange.identity
    with database.write() as tx:
        if not apps.is_known(tx, identity.app_id):
            return
        if exchange.is_new_conversation:
            conversations.create(
                tx,
                exchange.scope,
                identity.app_id,
                query=exchange.query,
                end_user=identity.end_user,
                conversation_id=identity.conversation_id,
            )
        if _pins(answer.attempt, terminal):
            conversations.pin(tx, identity.conversation_id, answer.attempt.route.variant)
        conversations.add_message(tx, message)


def usage_of(answer: Answer, end: EndPiece) -> Usage:
    """Tokens as the model counted them, else estimated; nothing where no model was asked."""
    attempt = answer.attempt
    prompt = attempt.question.prompt
    if attempt.route.model == "extractive" or attempt.is_refused:
        return Usage(0, 0, estimated=False)
    hidden = estimate_tokens(prompt.system)
    if end.prompt_tokens:
        visible = min(estimate_tokens(_visible(prompt)), end.prompt_tokens)
        return Usage(end.prompt_tokens, end.completion_tokens, False, end.prompt_tokens - visible)
    completion = estimate_tokens(answer.text)
    return Usage(hidden + estimate_tokens(_visible(prompt)), completion, True, hidden)


def cost_of(attempt: Attempt, usage: Usage) -> float | None:
    """Money for one answer; prices are per million tokens."""
    if attempt.price_in is None and attempt.price_out is None:
        return None
    spent = usage.prompt_tokens * (attempt.price_in or 0.0)
    spent += usage.completion_tokens * (attempt.price_out or 0.0)
    return round(spent / MILLION, 8)


def timings_ms(exchange: Exchange, answer: Answer) -> Mapping[str, float]:
    """Milliseconds of each stage, from the question on."""
    return {
        "rewrite": 0.0,
        "search": round(answer.attempt.search_ms, 1),
        "first_token": round(answer.first_token_ms or 0.0, 1),
        "total": round(exchange.elapsed_ms(), 1),
    }


def source_record(source: Source) -> dict[str, Any]:
    """A source as it is shown and stored: live and reloaded answers look alike."""
    chunk = source.hit.chunk
    return {
        "n": source.n,
        "chunk_id": chunk.id,
        "document_id": chunk.document_id,
        "document_name": source.hit.document_name,
        **asdict(chunk.spans[0]),
        "heading": chunk.heading,
        "score": round(source.hit.score, 4),
        "text": chunk.text,
    }


def _message(exchange: Exchange, answer: Answer, terminal: Terminal) -> Message:
    completed = terminal if isinstance(terminal, Completed) else None
    identity = exchange.identity
    return Message(
        id=identity.message_id,
        conversation_id=identity.conversation_id,
        run_id=identity.run_id,
        app_id=identity.app_id,
        app_slug=exchange.app_slug,
        app_version=exchange.app_version,
        query=exchange.query,
        answer=answer.text,
        status=_status(terminal),
        finish_reason=completed.finish_reason if completed else None,
        grounded=completed.grounded if completed else None,
        route=answer.attempt.route,
        sources=[source_record(source) for source in answer.attempt.question.sources],
        citations=tuple(answer.citations),
        usage=completed.usage if completed else usage_of(answer, EndPiece()),
        timings_ms=timings_ms(exchange, answer),
        error=terminal.error if isinstance(terminal, Failed) else None,
        created_at=now(),
    )


def _pins(attempt: Attempt, terminal: Terminal) -> bool:
    """A conversation keeps what the policy chose, once that has answered without a fallback."""
    reason = attempt.route.reason.partition(",")[0]
    return isinstance(terminal, Completed) and reason in ("rule", "canary", "default")


def _status(terminal: Terminal) -> Any:
    match terminal:
        case Completed():
            return "completed"
        case Cancelled():
            return "cancelled"
        case _:
            return "failed"


def _visible(prompt: Prompt) -> str:
    turns = (f"{turn.query}\n{turn.answer}" for turn in prompt.history)
    return "\n".join((*turns, prompt.query))
