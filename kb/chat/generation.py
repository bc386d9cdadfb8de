"""One answer in the making: the events of a run, and the message that it leaves behind.

Before the first token a failing tuned variant gives way to base; after it, an answer is never
begun again, so no text is ever repeated.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Any

from kb.chat.citations import CitationScanner
from kb.chat.runs import RunIdentity, Terminal
from kb.chat.tokens import estimate_tokens
from kb.errors import ModelUnavailable
from kb.ids import now
from kb.protocols import Answerer, Prompt, Question
from kb.store import apps, conversations
from kb.store.database import Database
from kb.types import (
    Cancelled,
    Citation,
    Cited,
    Completed,
    Delta,
    EndPiece,
    Failed,
    Message,
    Piece,
    Route,
    Routed,
    RunEvent,
    Scope,
    Source,
    Sources,
    Started,
    TextPiece,
    Usage,
)

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Attempt:
    """One variant, ready to answer. `searched` is False in plain chat."""

    route: Route
    question: Question
    answerer: Answerer
    searched: bool
    search_ms: float
    price_in: float | None = None
    price_out: float | None = None
    refusal: str = ""

    @property
    def is_refused(self) -> bool:
        """Whether the app's own refusal answers, because nothing was found; no model is asked."""
        return self.searched and bool(self.refusal) and not self.question.sources


class Generation:
    """Turns one or two attempts into run events, and the outcome into a stored message."""

    def __init__(
        self,
        *,
        identity: RunIdentity,
        scope: Scope,
        app_slug: str,
        app_version: int,
        query: str,
        first: Attempt,
        fallback: Callable[[], Attempt] | None,
        is_new_conversation: bool,
        began: float,
    ) -> None:
        self.identity = identity
        self._scope = scope
        self._app_slug = app_slug
        self._app_version = app_version
        self._query = query
        self._attempt = first
        self._fallback = fallback
        self._is_new_conversation = is_new_conversation
        self._began = began
        self._first_token_ms: float | None = None
        self._scanner = CitationScanner(first.question.sources)
        self._citations: list[Citation] = []

    async def events(self) -> AsyncGenerator[RunEvent, None]:
        """Started, Routed, Sources unless plain chat, text and citations, Completed.

        Raises:
            ModelUnavailable: the model failed, and no fallback was possible.
        """
        identity = self.identity
        yield Started(
            identity.run_id,
            identity.conversation_id,
            identity.message_id,
            self._app_slug,
            self._app_version,
        )
        for event in self._opening():
            yield event
        try:
            async with aclosing(self._answer()) as answer:
                async for event in answer:
                    yield event
            return
        except ModelUnavailable:
            if self._fallback is None or self._scanner.answer:
                raise
        self._first_token_ms = None
        self._attempt = await asyncio.to_thread(self._fallback)
        self._scanner = CitationScanner(self._attempt.question.sources)
        for event in self._opening():
            yield event
        async with aclosing(self._answer()) as answer:
            async for event in answer:
                yield event

    def store(self, database: Database, terminal: Terminal) -> None:
        """Write the message, also of a partial answer; nothing if the app was deleted meanwhile."""
        message = self._message(terminal)
        identity = self.identity
        with database.write() as tx:
            if not apps.is_known(tx, identity.app_id):
                return
            if self._is_new_conversation:
                conversations.create(
                    tx,
                    self._scope,
                    identity.app_id,
                    query=self._query,
                    end_user=identity.end_user,
                    conversation_id=identity.conversation_id,
                )
            if self._pins(terminal):
                conversations.pin(tx, identity.conversation_id, self._attempt.route.variant)
            conversations.add_message(tx, message)

    def _opening(self) -> list[RunEvent]:
        events: list[RunEvent] = [Routed(self._attempt.route)]
        if self._attempt.searched:
            events.append(Sources(self._query, self._attempt.question.sources))
        return events

    async def _answer(self) -> AsyncGenerator[RunEvent, None]:
        end = EndPiece()
        async with aclosing(_pieces(self._attempt)) as pieces:
            async for piece in pieces:
                if isinstance(piece, EndPiece):
                    end = piece
                    continue
                if self._first_token_ms is None and piece.text:
                    self._first_token_ms = self._elapsed_ms()
                for event in self._noted(self._scanner.feed(piece.text)):
                    yield event
        for event in self._noted(self._scanner.finish()):
            yield event
        yield self._completed(end)

    def _noted(self, events: list[Delta | Cited]) -> list[Delta | Cited]:
        self._citations.extend(event.citation for event in events if isinstance(event, Cited))
        return events

    def _completed(self, end: EndPiece) -> Completed:
        usage = self._usage(end)
        return Completed(
            message_id=self.identity.message_id,
            finish_reason=end.finish_reason,
            answer=self._scanner.answer,
            citations=tuple(self._citations),
            grounded=self._grounded(end),
            route=self._attempt.route,
            usage=usage,
            cost=_cost(self._attempt, usage),
            timings_ms=self._timings_ms(),
        )

    def _grounded(self, end: EndPiece) -> bool | None:
        if not self._attempt.searched:
            return None
        return bool(self._citations) if end.grounded is None else end.grounded

    def _usage(self, end: EndPiece) -> Usage:
        prompt = self._attempt.question.prompt
        if self._attempt.route.model == "extractive" or self._attempt.is_refused:
            return Usage(0, 0, estimated=False)
        hidden = estimate_tokens(prompt.system)
        if end.prompt_tokens:
            visible = min(estimate_tokens(_visible(prompt)), end.prompt_tokens)
            return Usage(
                end.prompt_tokens, end.completion_tokens, False, end.prompt_tokens - visible
            )
        completion = estimate_tokens(self._scanner.answer)
        return Usage(hidden + estimate_tokens(_visible(prompt)), completion, True, hidden)

    def _timings_ms(self) -> Mapping[str, float]:
        return {
            "rewrite": 0.0,
            "search": round(self._attempt.search_ms, 1),
            "first_token": round(self._first_token_ms or 0.0, 1),
            "total": round(self._elapsed_ms(), 1),
        }

    def _elapsed_ms(self) -> float:
        return (time.perf_counter() - self._began) * 1000

    def _pins(self, terminal: Terminal) -> bool:
        """A conversation keeps what the policy chose, once that has answered without a fallback."""
        reason = self._attempt.route.reason.partition(",")[0]
        return isinstance(terminal, Completed) and reason in ("rule", "canary", "default")

    def _message(self, terminal: Terminal) -> Message:
        completed = terminal if isinstance(terminal, Completed) else None
        identity = self.identity
        return Message(
            id=identity.message_id,
            conversation_id=identity.conversation_id,
            run_id=identity.run_id,
            app_id=identity.app_id,
            app_slug=self._app_slug,
            app_version=self._app_version,
            query=self._query,
            answer=self._scanner.answer,
            status=_status(terminal),
            finish_reason=completed.finish_reason if completed else None,
            grounded=completed.grounded if completed else None,
            route=self._attempt.route,
            sources=[source_record(source) for source in self._attempt.question.sources],
            citations=tuple(self._citations),
            usage=completed.usage if completed else self._usage(EndPiece()),
            timings_ms=self._timings_ms(),
            error=terminal.error if isinstance(terminal, Failed) else None,
            created_at=now(),
        )


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


async def _pieces(attempt: Attempt) -> AsyncGenerator[Piece, None]:
    if attempt.is_refused:
        yield TextPiece(attempt.refusal)
        yield EndPiece("refused", grounded=False)
        return
    stream = attempt.answerer.answer(attempt.question)
    try:
        async for piece in stream:
            yield piece
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()


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


def _cost(attempt: Attempt, usage: Usage) -> float | None:
    """Money for one answer; prices are per million tokens."""
    if attempt.price_in is None and attempt.price_out is None:
        return None
    spent = usage.prompt_tokens * (attempt.price_in or 0.0)
    spent += usage.completion_tokens * (attempt.price_out or 0.0)
    return round(spent / MILLION, 8)
