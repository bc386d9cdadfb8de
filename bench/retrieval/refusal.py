"""Saying no to what the documents do not answer; and extractive answers scored like a model.

    python -m bench.retrieval.refusal DATA_FOLDER [--questions 300] [--keep DIR]

Each of `squad_dev`, `cmrc2018` and `jsquad` is indexed by the real ingest. Its own questions should
be answered; those of the other two sets, and those of the same set whose article was left out of
the documents (half of the articles, by a seed), should be refused. The extractive
answerer (`kb/models/llm/extractive.py`) refuses below a score of the best hit, as an app does with
that `min_score` and a `refusal`, and where no sentence fits; between that and the sure score its
answer is weak.

Extractive answers are then scored by exact match and F1 (characters for Chinese and Japanese): the
answerer quotes whole sentences, so its F1 is that of a sentence that holds the answer. The
adversarial questions of SQuAD 2.0, which its articles only seem to answer, are reported beside.
"""

from __future__ import annotations

import argparse
import random
import re
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from bench.measuring import table, use_cores, verdict
from bench.question_sets import load
from bench.question_sets.findable import findable
from bench.retrieval.ours import SCOPE, ingested, opened
from eval.metrics.answers import exact_match, token_f1
from eval.types import Question, QuestionSet
from kb.knowledge_base import KnowledgeBase
from kb.models.llm.extractive import extractive_answer
from kb.search.scoring import SURE_SCORE, WEAK_SCORE
from kb.types import EndPiece, Retrieval, Source, TextPiece

SETS = ("squad_dev", "cmrc2018", "jsquad")
GOAL_REFUSED = 0.95
GOAL_ANSWERED = 0.90
_MARK = re.compile(r"\s?\[\d+\]")


@dataclass(frozen=True, slots=True)
class Answered:
    """What the extractive answerer made of a question; `score` is that of the best hit."""

    question: Question
    score: float
    text: str
    is_refused: bool
    is_weak: bool
    holds: bool


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Refusals and extractive answers.")
    parser.add_argument("data", type=Path, help="folder with the question sets")
    parser.add_argument("--questions", type=int, default=300, help="most questions of one kind")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="reuse and keep data folders here")
    arguments = parser.parse_args()
    use_cores(arguments.cores)
    sets = {name: load(arguments.data / name) for name in SETS}
    asked = {name: findable(whole).sample(arguments.questions) for name, whole in sets.items()}
    refusals, answers = [], []
    with ExitStack() as stack:
        root = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name, whole in sets.items():
            with opened(root / name, arguments.cores) as kb:
                own = answered(kb, ingested(kb, whole), asked[name].questions)
                answers.append(_quality(name, own))
                for other in SETS:
                    if other != name:
                        strange = answered(kb, ingested(kb, whole), asked[other].questions)
                        refusals.append(_refusals(f"{other} asked of {name}", own, strange))
                if name == "squad_dev":
                    trick = [q for q in whole.questions if not q.answerable]
                    chosen = random.Random(0).sample(trick, arguments.questions)
                    tricked = answered(kb, ingested(kb, whole), chosen)
            with opened(root / f"half-{name}", arguments.cores) as kb:
                refusals.append(_left_out(kb, whole, asked[name].questions))
            print(f"{name} measured", flush=True)
    refusals.append(_refusals("SQuAD 2.0, adversarial (no goal)", (), tricked))
    columns = (
        "questions",
        "refused or weak",
        "refused",
        "own answered or weak",
        "own answered",
        "",
    )
    title = f"Refusal below a score of {WEAK_SCORE}, a weak answer below {SURE_SCORE}"
    print(table(title, columns, refusals))
    columns = ("set", "answered", "exact match", "F1", "answer stands in what is quoted")
    print(table("Extractive answers", columns, answers))


def answered(kb: KnowledgeBase, dataset_id: str, questions: Sequence[Question]) -> list[Answered]:
    """Each question put to the search and the extractive answerer."""
    found = []
    for question in questions:
        hits = kb.searcher.search(SCOPE, [dataset_id], question.text, Retrieval()).hits
        sources = tuple(Source(n, hit) for n, hit in enumerate(hits, start=1))
        text, is_refused, is_weak = "", False, False
        for piece in extractive_answer(question.text, sources):
            if isinstance(piece, TextPiece):
                text += piece.text
            elif isinstance(piece, EndPiece):
                is_refused = piece.finish_reason == "refused"
                is_weak = piece.grounded == "weak"
        text = _MARK.sub("", text)
        holds = any(answer in text for answer in question.answers)
        score = hits[0].score if hits else 0.0
        found.append(Answered(question, score, text, is_refused, is_weak, holds))
    return found


def _left_out(
    kb: KnowledgeBase, whole: QuestionSet, questions: Sequence[Question]
) -> tuple[object, ...]:
    """Half of the documents indexed, and the questions about both halves."""
    names = sorted(document.name for document in whole.documents)
    kept = set(random.Random(0).sample(names, len(names) // 2))
    half = replace(
        whole,
        name=f"half {whole.name}",
        documents=[document for document in whole.documents if document.name in kept],
    )
    found = answered(kb, ingested(kb, half), questions)
    inside = [item for item in found if item.question.relevant[0].document in kept]
    outside = [item for item in found if item.question.relevant[0].document not in kept]
    return _refusals(f"{whole.name}, article left out (no goal)", inside, outside)


def _refusals(
    name: str, own: Sequence[Answered], strange: Sequence[Answered]
) -> tuple[object, ...]:
    doubted = _share([item.is_refused or item.is_weak for item in strange])
    refused = _share([item.is_refused for item in strange])
    kept = _share([not item.is_refused for item in own]) if own else 1.0
    sure = _share([not (item.is_refused or item.is_weak) for item in own])
    is_met = doubted >= GOAL_REFUSED and kept >= GOAL_ANSWERED
    mark = "" if "no goal" in name else verdict(is_met)
    shares = (f"{kept:.3f}", f"{sure:.3f}") if own else ("", "")
    return name, f"{doubted:.3f}", f"{refused:.3f}", *shares, mark


def _quality(name: str, own: Sequence[Answered]) -> tuple[object, ...]:
    def mean(of: object) -> str:
        assert callable(of)
        return f"{sum(of(item) for item in own) / len(own):.3f}"

    return (
        name,
        mean(lambda item: not item.is_refused),
        mean(lambda item: exact_match(item.text, item.question.answers)),
        mean(lambda item: token_f1(item.text, item.question.answers)),
        mean(lambda item: item.holds),
    )


def _share(values: Sequence[bool]) -> float:
    return sum(values) / max(1, len(values))


if __name__ == "__main__":
    main()
