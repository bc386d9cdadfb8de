"""What is asked inside of the server: the search of a dataset, or a version of an app."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from eval.run.targets import EVALUATOR, found_of
from eval.types import AppAnswer, FoundPassage, Question, TargetResponse
from kb.chat.ask.question import ChatRequest
from kb.chat.run.run import Run
from kb.errors import KnowledgeBaseError, Overloaded
from kb.knowledge_base import KnowledgeBase
from kb.store.apps import conversations
from kb.types import (
    Cancelled,
    EvaluationSubject,
    Hit,
    Limits,
    Message,
    Retrieval,
    Scope,
)

Wait = Callable[[Coroutine[Any, Any, Run]], Run]
"""Lets the loop of the server ask an app, and waits for the answer in this thread."""

SCOPE = Scope.admin()


class Interrupted(Exception):
    """The server has no room for the question now, or stops: it is asked again later."""


class ServedTarget:
    """Something that questions can be put to. Raises Interrupted."""

    def __init__(self, kb: KnowledgeBase, subject: EvaluationSubject, wait: Wait) -> None:
        self.name = subject.name
        self._kb = kb
        self._subject = subject
        self._wait = wait

    def ask(self, question: Question) -> TargetResponse:
        """Put one question; a failure is a `TargetResponse` with an `error`."""
        began = time.perf_counter()
        try:
            found = self._searched(question) if self._subject.dataset_id else self._said(question)
        except Overloaded as exc:
            raise Interrupted from exc
        except KnowledgeBaseError as exc:
            return TargetResponse(error=exc.detail, error_code=exc.code)
        return replace(found, took_ms=(time.perf_counter() - began) * 1000)

    def _searched(self, question: Question) -> TargetResponse:
        subject = self._subject
        options = Retrieval(top_k=subject.top_k, mode=subject.mode)
        asked = (SCOPE, [subject.dataset_id or ""], question.text, options)
        found = self._kb.searcher.search(*asked, generation=subject.generation)
        return TargetResponse([_passage(hit) for hit in found.hits])

    def _said(self, question: Question) -> TargetResponse:
        run = self._wait(self._asked(question))
        database = self._kb.database
        message = database.reading(conversations.message, SCOPE, run.identity.message_id)
        database.writing(conversations.remove, SCOPE, message.conversation_id)
        if isinstance(run.terminal, Cancelled):
            raise Interrupted
        if message.error is not None:
            error = message.error
            return TargetResponse(error=error.detail, error_code=error.code)
        hits, route = [found_of(source) for source in message.sources], message.route
        if self._subject.route is not None and not route.reason.startswith("requested"):
            reason = f"{route.variant} answered ({route.reason}), not {self._subject.route}"
            return TargetResponse(hits, error=reason, error_code="other_variant")
        return TargetResponse(hits, answer=_answer(message))

    async def _asked(self, question: Question) -> Run:
        subject = self._subject
        request = ChatRequest(
            question.text,
            inputs=subject.inputs,
            route=subject.route or "auto",
            version=subject.version,
            end_user=EVALUATOR,
        )
        run = await self._kb.chat.ask(SCOPE, subject.app_id or "", request, Limits())
        await run.read_along()
        return run


def _passage(hit: Hit) -> FoundPassage:
    chunk = hit.chunk
    place = (hit.document_name, chunk.text, chunk.spans, hit.score, chunk.heading, hit.why)
    return FoundPassage(*place, document_id=chunk.document_id)


def _answer(message: Message) -> AppAnswer:
    cited = [
        found_of({"document_name": each.document_name, "text": each.quote, "spans": [
            {"page": each.page, "start": each.start, "end": each.end}]})
        for each in message.citations
    ]  # fmt: skip
    # A model is told to cite; when it cites nothing, it has said that there is nothing.
    is_refusal = message.finish_reason == "refused" or message.grounded is False
    return AppAnswer(
        message.answer,
        cited,
        is_refusal,
        message.route.model,
        None if message.grounded is None else message.grounded is True,
        message.usage.prompt_tokens,
        message.usage.completion_tokens,
        message.cost,
        message.timings_ms.get("first_token", 0.0),
    )
