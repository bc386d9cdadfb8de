"""What an answer leaves behind: its stored message, its usage and what it cost.

Written once, at the end, also for a partial answer; live and reloaded answers look alike.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kb.chat.ask.asking import Rewritten
from kb.chat.ask.attempts import Attempt, Prices
from kb.chat.run.run import RunIdentity, Terminal
from kb.ids import now
from kb.protocols import Prompt
from kb.store.access import usage
from kb.store.apps import apps, conversations
from kb.store.engine.database import Database, Transaction
from kb.text.token_estimate import estimate_tokens
from kb.types import (
    Cancelled,
    Citation,
    Completed,
    DraftPiece,
    EndPiece,
    Failed,
    Message,
    Scope,
    Source,
    Usage,
)

MILLION = 1_000_000

USUAL_ANSWER_TOKENS = 1000
"""What an answer is expected to take where its variant sets no `max_tokens`."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The fixed facts of one question: who asked what of which version, and since when."""

    identity: RunIdentity
    scope: Scope
    app_slug: str
    app_version: int
    query: str
    search: Rewritten
    is_new_conversation: bool
    inputs: Mapping[str, str] = field(default_factory=dict)
    replay_of: str | None = None
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
    draft: DraftPiece | None = None
    end: EndPiece = field(default_factory=EndPiece)


@dataclass(frozen=True, slots=True)
class Spent:
    """What one model has used for an answer; prices are money per million tokens."""

    model: str
    usage: Usage
    prices: Prices

    @property
    def cost(self) -> float | None:
        """Money, None without prices."""
        price_in, price_out = self.prices
        if price_in is None and price_out is None:
            return None
        tokens_in, tokens_out = self.usage.prompt_tokens, self.usage.completion_tokens
        money = tokens_in * (price_in or 0.0) + tokens_out * (price_out or 0.0)
        return round(money / MILLION, 8)


def store(database: Database, exchange: Exchange, answer: Answer, terminal: Terminal) -> None:
    """Write the message, also of a partial answer; nothing if the app was deleted meanwhile."""
    message = _message(exchange, answer, terminal)
    identity = exchange.identity
    *drafted, answered = spent(answer)
    with database.write() as tx:
        for part in drafted:
            _count(tx, exchange, part, answers=0)
        _count(tx, exchange, answered, answers=1)
        if not apps.is_known(tx, identity.app_id):
            return
        if exchange.replay_of and not conversations.has_message(tx, exchange.replay_of):
            return  # what was deleted must not live on in a copy
        if exchange.is_new_conversation:
            conversations.create(
                tx,
                exchange.scope,
                identity.app_id,
                query=exchange.query,
                end_user=identity.end_user,
                conversation_id=identity.conversation_id,
                replay_of=exchange.replay_of,
            )
        if _pins(answer.attempt, terminal):
            conversations.pin(tx, identity.conversation_id, answer.attempt.route.variant)
        conversations.add_message(tx, message)


def _count(tx: Transaction, exchange: Exchange, part: Spent, *, answers: int) -> None:
    app_id = exchange.identity.app_id
    usage.count(tx, exchange.scope, app_id, part.model, part.usage, cost=part.cost, answers=answers)


def expected_tokens(attempt: Attempt) -> int:
    """What the models of an attempt will likely read and write, as far as it is known before."""
    if attempt.is_refused or attempt.route.model == "extractive":
        return 0
    prompt, drafting = attempt.question.prompt, attempt.drafting
    written = prompt.max_tokens or USUAL_ANSWER_TOKENS
    answering = _read(prompt) + written
    if drafting is None:
        return answering
    return answering + written + (0 if drafting.is_extractive else _read(drafting.prompt) + written)


def spent(answer: Answer) -> list[Spent]:
    """What each model that was asked has used, the one that drafted first.

    Tokens as the models counted them, else estimated; nothing where no model was asked.
    """
    attempt, draft = answer.attempt, answer.draft
    model, drafting = attempt.route.model, attempt.drafting
    if attempt.is_refused or model == "extractive":
        return [Spent(model, Usage(0, 0, estimated=False), attempt.prices)]
    used = _used(attempt.question.prompt, answer.text, answer.end)
    if draft is None or drafting is None:
        return [Spent(model, used, attempt.prices)]
    if used.estimated:  # the prompt is known only without the draft
        more = estimate_tokens(draft.text)
        used = _sum([used, Usage(more, 0, True, more)])
    counted = EndPiece(prompt_tokens=draft.prompt_tokens, completion_tokens=draft.completion_tokens)
    drafted = Usage(0, 0, estimated=False)
    if not drafting.is_extractive:
        drafted = _used(drafting.prompt, draft.text, counted)
    drafter = attempt.route.draft_model or ""
    return [Spent(drafter, drafted, drafting.prices), Spent(model, used, attempt.prices)]


def usage_of(answer: Answer) -> Usage:
    """The tokens of all models together."""
    return _sum([part.usage for part in spent(answer)])


def cost_of(answer: Answer) -> float | None:
    """The money for all models together, None if none has prices."""
    costs = [part.cost for part in spent(answer) if part.cost is not None]
    return round(sum(costs), 8) if costs else None


def _sum(usages: Sequence[Usage]) -> Usage:
    return Usage(
        prompt_tokens=sum(usage.prompt_tokens for usage in usages),
        completion_tokens=sum(usage.completion_tokens for usage in usages),
        estimated=any(usage.estimated for usage in usages),
        prompt_hidden=sum(usage.prompt_hidden for usage in usages),
    )


def _used(prompt: Prompt, text: str, end: EndPiece) -> Usage:
    hidden, visible = estimate_tokens(prompt.system), estimate_tokens(_visible(prompt))
    if end.prompt_tokens:
        visible = min(visible, end.prompt_tokens)
        return Usage(end.prompt_tokens, end.completion_tokens, False, end.prompt_tokens - visible)
    return Usage(hidden + visible, estimate_tokens(text), True, hidden)


def timings_ms(exchange: Exchange, answer: Answer) -> Mapping[str, float]:
    """Milliseconds of each stage, from the question on."""
    return {
        "rewrite": round(exchange.search.ms, 1),
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
        cost=completed.cost if completed else cost_of(answer),
        unsupported=completed.unsupported if completed else (),
        usage=completed.usage if completed else usage_of(answer),
        timings_ms=timings_ms(exchange, answer),
        error=terminal.error if isinstance(terminal, Failed) else None,
        created_at=now(),
        search_query=exchange.search.query if answer.attempt.searched else None,
        inputs=exchange.inputs or None,
        replay_of=exchange.replay_of,
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


def _read(prompt: Prompt) -> int:
    return estimate_tokens(prompt.system) + estimate_tokens(_visible(prompt))


def _visible(prompt: Prompt) -> str:
    turns = (f"{turn.query}\n{turn.answer}" for turn in prompt.history)
    return "\n".join((*turns, prompt.query))
