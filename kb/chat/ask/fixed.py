"""The answer that an operator has fixed for a question, given word for word; no model is asked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from kb.chat.ask.attempts import Attempt
from kb.chat.ask.catalog import EXTRACTIVE
from kb.protocols import Prompt, Question
from kb.types import Annotation, EndPiece, Piece, Route, TextPiece

REASON = "annotation"

_MARK = re.compile(r"\s?\[\d{1,3}\]")
"""Marks of the answer that it was made from: here they would point at nothing."""


class FixedAnswerer:
    """An Answerer with one answer."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def answer(self, _question: Question) -> AsyncIterator[Piece]:
        """The text, then its end."""
        yield TextPiece(self._text)
        yield EndPiece()


def fixed_attempt(annotation: Annotation, query: str) -> Attempt:
    """An attempt that cannot fail: it has no search, no prompt and no model."""
    return Attempt(
        route=Route("base", REASON, EXTRACTIVE),
        question=Question(query, (), Prompt("", (), query)),
        answerer=FixedAnswerer(_MARK.sub("", annotation.answer)),
        searched=False,
        search_ms=0.0,
    )
