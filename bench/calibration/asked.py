"""Questions that some documents answer and others that they do not, and the signals of each."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from unittest.mock import patch

from bench.answers.__main__ import UNANSWERABLE
from bench.question_sets import load
from bench.question_sets.findable import findable
from bench.question_sets.parts import left_out, part_of
from bench.retrieval.ours import SCOPE, ingested
from eval.types import Question, QuestionSet, SourceDocument
from kb.knowledge_base import KnowledgeBase
from kb.protocols import CALIBRATION, Calibration
from kb.search import ranking
from kb.search.scoring import Signals
from kb.types import Retrieval


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, whether the documents answer it, and what its score is made of."""

    question: str
    is_there: bool
    signals: Signals | None

    def score(self, known: Calibration) -> float:
        """That of the first hit; 0 if nothing was found."""
        return ranking.chance(self.signals, known) if self.signals else 0.0


def of_company(kb: KnowledgeBase, folder: Path) -> list[Asked]:
    """A set of `bench.answers`."""
    files = [path for path in sorted(folder.iterdir()) if path.name != "questions.tsv"]
    documents = [SourceDocument(path.name, path=path) for path in files]
    dataset = ingested(kb, QuestionSet(folder.name, "en", documents, ()))
    lines = (folder / "questions.tsv").read_text("utf-8").splitlines()
    parts = [line.partition("\t") for line in lines]
    return _ask(kb, dataset, [(asked, expected != UNANSWERABLE) for expected, _, asked in parts])


def of_left_out(kb: KnowledgeBase, source: Path, *, characters: int, count: int) -> list[Asked]:
    """A public set of which a part is indexed: questions about it, and about what is left out."""
    whole = findable(load(source))
    part = findable(part_of(whole, characters, share=0.5))
    dataset = ingested(kb, replace(part, name=f"part of {whole.name}"))
    own, strange = (_sample(each, count) for each in (part.questions, left_out(whole, part)))
    return _ask(kb, dataset, [(q.text, True) for q in own] + [(q.text, False) for q in strange])


def _sample(questions: Sequence[Question], count: int) -> list[Question]:
    return random.Random(0).sample(list(questions), min(count, len(questions)))


def _ask(kb: KnowledgeBase, dataset: str, questions: Sequence[tuple[str, bool]]) -> list[Asked]:
    found, scored = [], list[Signals]()
    plain = ranking.chance

    def recording(signals: Signals, known: Calibration = CALIBRATION) -> float:
        scored.append(signals)
        return plain(signals, known)

    with patch.object(ranking, "chance", recording):
        for question, is_there in questions:
            scored.clear()
            kb.searcher.search(SCOPE, [dataset], question, Retrieval())
            found.append(Asked(question, is_there, scored[-1] if scored else None))
    return found
