"""One answer in the making: the events of a run, and the message that it leaves behind.

Before the first token a failing tuned variant gives way to base; after it, an answer is never
begun again, so no text is ever repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from kb.chat.ask.attempts import Attempt
from kb.chat.guard.gate import Guarded, PromptGuard
from kb.chat.run import recording
from kb.chat.run.citations import CitationScanner
from kb.chat.run.recording import Answer, Exchange
from kb.chat.run.runs import RunIdentity, Terminal
from kb.chat.run.sequence import stream_of
from kb.chat.run.support import unsupported
from kb.errors import ModelUnavailable
from kb.store.engine.database import Database
from kb.types import (
    AnswerSpan,
    Citation,
    Cited,
    Completed,
    Delta,
    DraftPiece,
    EndPiece,
    Piece,
    QuotedPiece,
    Routed,
    RunEvent,
    Sources,
    Started,
    TextPiece,
)

Fallback = Callable[[ModelUnavailable], Attempt]


class Generation:
    """Turns one or two attempts into run events, and the outcome into a stored message."""

    def __init__(self, exchange: Exchange, first: Attempt, fallback: Fallback | None) -> None:
        self._exchange = exchange
        self._attempt = first
        self._fallback = fallback
        self._first_token_ms: float | None = None
        self._draft: DraftPiece | None = None
        self._end = EndPiece()
        self._scanner = CitationScanner(first.question.sources)
        self._guard = _guard_of(first)
        self._citations: list[Citation] = []

    @property
    def identity(self) -> RunIdentity:
        """Which answer this makes, and what decides who may see it."""
        return self._exchange.identity

    @property
    def expected_tokens(self) -> int:
        """What the models will likely read and write."""
        return recording.expected_tokens(self._attempt)

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
        except ModelUnavailable as failure:
            if self._fallback is None or self._scanner.answer:
                raise
            reason = failure
        self._first_token_ms, self._draft = None, None
        self._attempt = await asyncio.to_thread(self._fallback, reason)
        self._scanner = CitationScanner(self._attempt.question.sources)
        self._guard = await asyncio.to_thread(_guard_of, self._attempt)
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
            events.append(Sources(self._exchange.search.query, self._attempt.question.sources))
        return events

    async def _answer(self) -> AsyncGenerator[RunEvent, None]:
        async with aclosing(_pieces(self._attempt)) as pieces:
            async for piece in pieces:
                if isinstance(piece, EndPiece):
                    self._end = piece
                    continue
                if isinstance(piece, DraftPiece):
                    self._draft = piece
                    continue
                if self._first_token_ms is None and piece.text:
                    self._first_token_ms = self._exchange.elapsed_ms()
                for event in self._noted(self._scanned(piece)):
                    yield event
                if self._guard.has_stopped:
                    self._end = EndPiece("filtered")
                    break
        rest = self._scanner.feed(self._guard.finish()) + self._scanner.finish()
        for event in self._noted(rest):
            yield event
        yield self._completed()

    def _scanned(self, piece: TextPiece) -> list[Delta | Cited]:
        if isinstance(piece, QuotedPiece):  # of no model: there is nothing to guard
            return self._scanner.quote(piece.text)
        return self._scanner.feed(self._guard.feed(piece.text))

    def _noted(self, events: list[Delta | Cited]) -> list[Delta | Cited]:
        self._citations.extend(event.citation for event in events if isinstance(event, Cited))
        return events

    def _so_far(self) -> Answer:
        return Answer(
            self._attempt,
            self._scanner.answer,
            self._citations,
            self._first_token_ms,
            self._draft,
            self._end,
        )

    def _completed(self) -> Completed:
        answer, end = self._so_far(), self._end
        return Completed(
            message_id=self.identity.message_id,
            finish_reason=end.finish_reason,
            answer=answer.text,
            citations=tuple(self._citations),
            grounded=self._grounded(end),
            route=self._attempt.route,
            usage=recording.usage_of(answer),
            cost=recording.cost_of(answer),
            timings_ms=recording.timings_ms(self._exchange, answer),
            unsupported=self._unsupported(),
        )

    def _unsupported(self) -> tuple[AnswerSpan, ...]:
        attempt = self._attempt
        if attempt.guarded is None or attempt.is_refused:
            return ()  # no model has spoken
        return unsupported(self._scanner.answer, self._citations, attempt.question.sources)

    def _grounded(self, end: EndPiece) -> bool | None:
        if not self._attempt.searched:
            return None
        return bool(self._citations) if end.grounded is None else end.grounded


async def _pieces(attempt: Attempt) -> AsyncGenerator[Piece, None]:
    if attempt.is_refused:
        yield TextPiece(attempt.refusal)
        yield EndPiece("refused", grounded=False)
        return
    async with aclosing(stream_of(attempt.answerer, attempt.question)) as pieces:
        async for piece in pieces:
            yield piece


def _guard_of(attempt: Attempt) -> PromptGuard:
    guarded = None if attempt.is_refused else attempt.guarded
    return PromptGuard(guarded or Guarded(()))
