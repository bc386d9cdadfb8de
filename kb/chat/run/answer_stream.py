"""One answer in the making: the events of a run, and the message that it leaves behind.

Before the first token a failing tuned variant gives way to base; after it, an answer is never
begun again, so no text is ever repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from kb.chat.ask.question import ChatQuestion, DraftStep, PreparedVariant
from kb.chat.ask.variants import VariantPreparer
from kb.chat.guard.allowed import Guarded
from kb.chat.guard.disclosed import Disclosed
from kb.chat.guard.gate import PromptGuard
from kb.chat.run import recording
from kb.chat.run.citations import CitationScanner
from kb.chat.run.disclosures import Disclosures
from kb.chat.run.groundedness import ungrounded_sentences
from kb.chat.run.observing import observe
from kb.chat.run.recording import Answer
from kb.chat.run.run import Run, Terminal
from kb.chat.run.run_log import RunLog, Unfinished
from kb.chat.run.runs import UNSTORED
from kb.errors import ModelUnavailable
from kb.store.content import documents
from kb.store.engine.database import Database
from kb.text.fixed_sentences import fixed_sentence
from kb.types import (
    AnswerSpan,
    Citation,
    Cited,
    Completed,
    Delta,
    DraftPiece,
    EndPiece,
    Failed,
    Failure,
    Grounded,
    Piece,
    QuotedPiece,
    Routed,
    RunEvent,
    Sources,
    Started,
    TextPiece,
)

LONG_CHARACTERS = 10_000
"""From here on an answer is judged in a thread: 500,000 characters take 0.3 s."""


class AnswerStream:
    """Turns one or two variants into run events, and the outcome into a stored message."""

    def __init__(
        self,
        question: ChatQuestion,
        variant: PreparedVariant,
        preparer: VariantPreparer,
        database: Database,
        disclosures: Disclosures,
        log: RunLog,
    ) -> None:
        self.question = question
        self._preparer = preparer
        self._database = database
        self._disclosures = disclosures
        self._log = log
        self._told: list[Disclosed] = []
        self._answer: Answer | None = None
        self._begin(variant)

    def expected_tokens(self) -> int:
        """What the models will likely read and write."""
        return recording.expected_tokens(self._variant)

    async def events(self, _run: Run) -> AsyncGenerator[RunEvent, None]:
        """Started, Routed, Sources unless plain chat, text and citations, Completed.

        Raises:
            ModelUnavailable: the model failed, and no fallback was possible.
        """
        yield self._started()
        try:
            async with aclosing(self._answered()) as events:
                async for event in events:
                    yield event
            return
        except ModelUnavailable as failure:
            if self._variant.route.variant == "base" or self._scanner.answer:
                raise
            reason = failure
        await asyncio.to_thread(self._fall_back, reason)
        async with aclosing(self._answered()) as events:
            async for event in events:
                yield event

    def unfinished(self) -> Unfinished:
        """What is known of it before it begins."""
        return recording.unfinished(self._so_far(), self.expected_tokens())

    def store(self, run: Run, terminal: Terminal) -> None:
        """Write the message, also of a partial answer; nothing if the app was deleted meanwhile."""
        answer = self._answer or self._so_far()
        try:
            with self._database.write() as tx:
                self._log.settle(tx, run, terminal)
                recording.store(tx, answer, terminal)
                for told in self._told:
                    self._disclosures.store(tx, self.question.identity, told)
        except Exception:  # whatever it is, the run fails
            terminal = Failed(UNSTORED, retryable=True)
            raise
        finally:
            observe(answer, terminal)
        self._guard, self._told = PromptGuard(Guarded()), []  # runs are kept for replay

    def _begin(self, variant: PreparedVariant) -> None:
        self._variant = variant
        self._scanner = CitationScanner(variant.sources or ())
        self._told = [
            self._disclosures.of(self.question.identity, index)
            for index in variant.guarded.indexes[:1]
        ]
        self._guard = PromptGuard(variant.guarded, *self._told)
        self._first_token_ms: float | None = None
        self._draft: DraftPiece | None = None
        self._end = EndPiece()
        self._citations: list[Citation] = []
        self._notices: tuple[Failure, ...] = ()

    def _fall_back(self, failure: ModelUnavailable) -> None:
        self._begin(self._preparer.fall_back(self.question, self._variant, failure))

    def _started(self) -> Started:
        identity, question = self.question.identity, self.question
        return Started(
            identity.run_id,
            identity.conversation_id,
            identity.message_id,
            question.app.slug,
            question.version.version,
        )

    async def _answered(self) -> AsyncGenerator[RunEvent, None]:
        variant = self._variant
        yield Routed(variant.route)
        if variant.sources is not None:
            yield Sources(self.question.search_query, variant.sources)
        async with aclosing(_pieces(variant)) as pieces:
            async for piece in pieces:
                match piece:
                    case EndPiece():
                        self._end = piece
                        continue
                    case DraftPiece():
                        self._draft = piece
                        continue
                if self._first_token_ms is None and piece.text:
                    self._first_token_ms = self.question.elapsed_ms()
                for event in self._noted(self._scanned(piece)):
                    yield event
                if self._guard.has_stopped:
                    self._end = EndPiece("filtered")
                    break
        rest = self._scanner.feed(self._guard.finish()) + self._scanner.finish()
        for event in self._noted(rest):
            yield event
        if self._grounded() in (False, "weak"):
            self._notices = await asyncio.to_thread(self._unfinished)
        for notice in self._notices if variant.model is None else ():
            for event in self._scanner.quote(f"\n\n{notice.detail}"):
                yield event
        if any(alone for _, _, alone in variant.found.values()):
            said = fixed_sentence("words_only", self.question.language)
            self._notices += (Failure("words_only", said),)
        yield await self._completed()

    def _unfinished(self) -> tuple[Failure, ...]:
        """That documents are not searched yet, which may hold what was not found."""
        asked = (self.question.scope, self.question.dataset_ids)
        if not (count := self._database.reading(documents.unfinished, *asked)):
            return ()
        said = fixed_sentence("unfinished", self.question.language).format(count=count)
        return (Failure("documents_unfinished", said),)

    def _scanned(self, piece: TextPiece) -> list[Delta | Cited]:
        if isinstance(piece, QuotedPiece):  # of no model: there is nothing to guard
            return self._scanner.quote(piece.text)
        return self._scanner.feed(self._guard.feed(piece.text))

    def _noted(self, events: list[Delta | Cited]) -> list[Delta | Cited]:
        self._citations.extend(event.citation for event in events if isinstance(event, Cited))
        return events

    def _so_far(self) -> Answer:
        return Answer(
            self.question,
            self._variant,
            self._scanner.answer,
            self._citations,
            self._first_token_ms,
            self._draft,
            self._end,
        )

    async def _completed(self) -> Completed:
        answer = self._answer = self._so_far()
        return Completed(
            message_id=self.question.identity.message_id,
            finish_reason=answer.end.finish_reason,
            answer=answer.text,
            citations=tuple(answer.citations),
            grounded=self._grounded(),
            route=self._variant.route,
            usage=answer.usage,
            cost=answer.cost,
            currency=answer.currency,
            timings_ms=answer.timings_ms(),
            unsupported=await self._ungrounded(answer.text),
            notices=self._notices,
        )

    async def _ungrounded(self, text: str) -> tuple[AnswerSpan, ...]:
        if self._variant.model is None:
            return ()
        judge = partial(ungrounded_sentences, text, self._citations, self._variant.sources or ())
        return judge() if len(text) < LONG_CHARACTERS else await asyncio.to_thread(judge)

    def _grounded(self) -> Grounded:
        if self._variant.sources is None:
            return None
        if self._end.grounded is not None:
            return self._end.grounded
        return "weak" if self._citations and self._variant.is_weak else bool(self._citations)


async def _pieces(variant: PreparedVariant) -> AsyncGenerator[Piece, None]:
    """What the variant's models say, or what stands ready where none is asked.

    Of two models the draft comes whole as one piece; it goes into the second's prompt as it is, so
    braces in it are never looked at. Each model has deadlines of its own, which add up.

    Raises:
        ModelUnavailable: one of them failed.
    """
    prompt = variant.prompt
    if variant.draft is not None:
        drafted = await _drafted(variant.draft)
        yield drafted
        prompt = variant.draft.finish(drafted.text)
    if variant.model is None:
        for piece in variant.pieces:
            yield piece
        return
    async with aclosing(variant.model.stream(prompt)) as pieces:
        async for piece in pieces:
            yield piece


async def _drafted(draft: DraftStep) -> DraftPiece:
    pieces = list(draft.pieces)
    if draft.model is not None:
        async with aclosing(draft.model.stream(draft.prompt)) as stream:
            pieces = [piece async for piece in stream]
    text = "".join(piece.text for piece in pieces if isinstance(piece, TextPiece))
    end = next((piece for piece in pieces if isinstance(piece, EndPiece)), EndPiece())
    return DraftPiece(text, end)
