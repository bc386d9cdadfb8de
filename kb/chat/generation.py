"""One answer in the making: the events of a run, and the message that it leaves behind.

Before the first token a failing tuned variant gives way to base; after it, an answer is never
begun again, so no text is ever repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from kb.chat import recording
from kb.chat.attempts import Attempt
from kb.chat.citations import CitationScanner
from kb.chat.recording import Answer, Exchange
from kb.chat.runs import RunIdentity, Terminal
from kb.errors import ModelUnavailable
from kb.store.database import Database
from kb.types import (
    Citation,
    Cited,
    Completed,
    Delta,
    EndPiece,
    Piece,
    Routed,
    RunEvent,
    Sources,
    Started,
    TextPiece,
)


class Generation:
    """Turns one or two attempts into run events, and the outcome into a stored message."""

    def __init__(
        self, exchange: Exchange, first: Attempt, fallback: Callable[[], Attempt] | None
    ) -> None:
        self._exchange = exchange
        self._attempt = first
        self._fallback = fallback
        self._first_token_ms: float | None = None
        self._scanner = CitationScanner(first.question.sources)
        self._citations: list[Citation] = []

    @property
    def identity(self) -> RunIdentity:
        """Which answer this makes, and what decides who may see it."""
        return self._exchange.identity

    async def events(self) -> AsyncGenerator[RunEvent, None]:
        """Started, Routed, Sources unless plain chat, text and citations, Completed.

        Raises:
            ModelUnavailable: the model failed, and no fallback was possible.
        """
        yield self._started()
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
        recording.store(database, self._exchange, self._so_far(), terminal)

    def _started(self) -> Started:
        exchange = self._exchange
        return Started(
            exchange.identity.run_id,
            exchange.identity.conversation_id,
            exchange.identity.message_id,
            exchange.app_slug,
            exchange.app_version,
        )

    def _opening(self) -> list[RunEvent]:
        events: list[RunEvent] = [Routed(self._attempt.route)]
        if self._attempt.searched:
            events.append(Sources(self._exchange.query, self._attempt.question.sources))
        return events

    async def _answer(self) -> AsyncGenerator[RunEvent, None]:
        end = EndPiece()
        async with aclosing(_pieces(self._attempt)) as pieces:
            async for piece in pieces:
                if isinstance(piece, EndPiece):
                    end = piece
                    continue
                if self._first_token_ms is None and piece.text:
                    self._first_token_ms = self._exchange.elapsed_ms()
                for event in self._noted(self._scanner.feed(piece.text)):
                    yield event
        for event in self._noted(self._scanner.finish()):
            yield event
        yield self._completed(end)

    def _noted(self, events: list[Delta | Cited]) -> list[Delta | Cited]:
        self._citations.extend(event.citation for event in events if isinstance(event, Cited))
        return events

    def _so_far(self) -> Answer:
        return Answer(self._attempt, self._scanner.answer, self._citations, self._first_token_ms)

    def _completed(self, end: EndPiece) -> Completed:
        answer = self._so_far()
        usage = recording.usage_of(answer, end)
        return Completed(
            message_id=self.identity.message_id,
            finish_reason=end.finish_reason,
            answer=answer.text,
            citations=tuple(self._citations),
            grounded=self._grounded(end),
            route=self._attempt.route,
            usage=usage,
            cost=recording.cost_of(self._attempt, usage),
            timings_ms=recording.timings_ms(self._exchange, answer),
        )

    def _grounded(self, end: EndPiece) -> bool | None:
        if not self._attempt.searched:
            return None
        return bool(self._citations) if end.grounded is None else end.grounded


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
