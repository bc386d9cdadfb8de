"""Fixed answers for questions that ask the same as theirs: all are compared, exactly.

A wrong answer of the operator's own is worse than none, so words count beside meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np

from kb.chat.ask.chat_models import EXTRACTIVE
from kb.chat.ask.question import ChatRequest, PreparedVariant
from kb.chat.ask.same_question import differing_words
from kb.errors import ModelUnavailable
from kb.models.embed.anchors import KNOWN
from kb.protocols import Embedder, Prompt, Vectors
from kb.store.apps import fixed_answers
from kb.store.apps.fixed_answers import wording
from kb.store.engine.database import Database
from kb.types import App, EndPiece, FixedMatch, Route, TextPiece

A_WORD = 0.25
"""What a word that only one of two questions has takes off how near they are. With it the nearest
question that asks for something else has 0.55 in `bench.answers.rephrased`, without it 0.93."""

_MARK = re.compile(r"\s?\[\d{1,3}\]")
"""Marks of the answer that a fixed one was made from: here they would point at nothing."""


T = TypeVar("T")
Other = tuple[T, str, Vectors]
"""What belongs to a question, the question, and its vector, shape (dimensions,)."""


class AlikeQuestions:
    """Compares questions by meaning and words, and finds the fixed answer for one. Thread-safe.

    1 is the same question, 0 as near in meaning as any two are.
    """

    def __init__(self, database: Database, embedder: Embedder) -> None:
        self._database = database
        self._embedder = embedder
        self.vector_of = lru_cache(4096)(lambda question: embedder.embed_query(question)[0])

    def most_alike(
        self, query: str, others: Iterable[Other[T]], least: float, a_word: float = A_WORD
    ) -> tuple[T, float] | None:
        """What belongs to the most alike of other questions, and how alike that is, if enough."""
        far, asked, found = self._embedder.calibration.far, self.vector_of(query), None
        for other, question, vector in others:
            score = (float(vector @ asked) - far) / (1 - far)
            if score >= least:
                score -= a_word * differing_words(query, question)
            if score >= least:
                found, least = (other, round(score, 4)), score
        return found

    def fixed_answer(
        self, app: App, rows: Sequence[Any], request: ChatRequest
    ) -> FixedMatch | None:
        """The fixed answer for the same wording, or for the most alike if that is enough for the
        app; `rows` are the app's `fixed_answers.questions`. While the embedder does not answer,
        the wording decides."""
        if not rows or request.version is not None:
            return None
        query, least, wanted = request.query, app.annotation_score, wording(request.query)
        same = next((FixedMatch(r.id, r.answer, 1.0) for r in rows if r.wording == wanted), None)
        if same or least >= 1 or self._embedder.coverage(query) < KNOWN:
            return same
        try:
            return self._by_meaning(app, rows, query, least)
        except ModelUnavailable:
            return None

    def _by_meaning(
        self, app: App, rows: Sequence[Any], query: str, least: float
    ) -> FixedMatch | None:
        own = self._embedder.fingerprint
        if any(row.embedder != own for row in rows):
            self.embed(app.id)
            rows = self._database.reading(fixed_answers.questions, app.id)
        known = (row for row in rows if row.embedder == own)  # others have just been changed
        others = ((row, row.question, np.frombuffer(row.vector, "<f4")) for row in known)
        found = self.most_alike(query, others, least)
        return FixedMatch(found[0].id, found[0].answer, found[1]) if found else None

    def embed(self, app_id: str) -> None:
        """Make the vectors of fixed answers that are missing, or of another embedder; while it does
        not answer, that is left to the next question. Raises ModelUnavailable."""
        own = self._embedder.fingerprint
        rows = self._database.reading(fixed_answers.questions, app_id)
        asked = [row.question for row in rows if row.embedder != own]
        made = {each: self.vector_of(each).astype("<f4").tobytes() for each in asked}
        if made:
            self._database.writing(fixed_answers.put_vectors, app_id, own, made)


def given(match: FixedMatch, query: str) -> PreparedVariant:
    """The answer that an operator has fixed, word for word: no search, no model, no failure."""
    pieces = (TextPiece(_MARK.sub("", match.answer)), EndPiece())
    route = Route("base", "annotation", EXTRACTIVE)
    return PreparedVariant(route, Prompt("", (), query), pieces=pieces, fixed=match)
