"""What questions score in some datasets: what a threshold would make of them.

Without a question set the documents ask themselves (sentences and headings of theirs), and
questions about something else stand for those that are to be refused.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from eval.served.sets import drafted
from kb.errors import Rejected
from kb.knowledge_base import KnowledgeBase
from kb.search.scoring import SURE_SCORE, WEAK_SCORE
from kb.store.evaluation import question_sets
from kb.text.languages import spoken_language
from kb.types import Retrieval, Scope


@dataclass(frozen=True, slots=True)
class ScoredQuestion:
    """A question, whether the documents answer it, and the score of its best hit, 0 without one."""

    question: str
    answerable: bool
    score: float


@dataclass(frozen=True, slots=True)
class ScoredQuestions:
    """Questions with their scores, and the usual thresholds: `refused_below` and `sure_from`.

    `is_drafted` says that they were made of the documents.
    """

    questions: Sequence[ScoredQuestion]
    is_drafted: bool
    refused_below: float = WEAK_SCORE
    sure_from: float = SURE_SCORE


def scores(
    kb: KnowledgeBase,
    scope: Scope,
    dataset_ids: Sequence[str],
    retrieval: Retrieval,
    question_set: str | None,
    count: int,
) -> ScoredQuestions:
    """The scores of up to `count` questions of a set, or of the documents themselves.

    Raises:
        NotFound: a dataset or the set is not there.
        Rejected: there is nothing to ask.
        Overloaded: too many searches are waiting.
    """
    asked = _of_set(kb, scope, question_set) if question_set else None
    if asked is None:
        rows = drafted(kb, scope, dataset_ids, max(1, count // 2), seed=0)
        asked = [(row["question"], True) for row in rows]
        asked += [(text, False) for text in _strangers(asked)]
    if not asked:
        raise Rejected("The documents give no question. Add documents, or choose a question set.")
    chosen = random.Random(0).sample(asked, min(count, len(asked)))
    found = [
        ScoredQuestion(text, answerable, _score(kb, scope, dataset_ids, text, retrieval))
        for text, answerable in chosen
    ]
    return ScoredQuestions(found, question_set is None)


def _of_set(kb: KnowledgeBase, scope: Scope, name: str) -> list[tuple[str, bool]]:
    with kb.database.read() as tx:
        rows = question_sets.every(tx, question_sets.get(tx, scope, name).id)
    return [(each.question["question"], each.question.get("answerable", True)) for each in rows]


def _score(
    kb: KnowledgeBase, scope: Scope, dataset_ids: Sequence[str], text: str, retrieval: Retrieval
) -> float:
    hits = kb.searcher.search(scope, dataset_ids, text, retrieval).hits
    return round(max((hit.score for hit in hits), default=0.0), 4)


def _strangers(asked: Sequence[tuple[str, bool]]) -> Sequence[str]:
    if not asked:
        return ()
    language = spoken_language(" ".join(text for text, _ in asked))
    return _lists().get(language, _lists()["en"])


@cache
def _lists() -> dict[str, list[str]]:
    return tomllib.loads(files("eval.generate").joinpath("strangers.toml").read_text("utf-8"))
