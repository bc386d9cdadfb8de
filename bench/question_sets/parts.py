"""A part of a question set: fewer documents, and the questions that they alone answer."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import accumulate

from eval.types import Question, QuestionSet, SourceDocument


def part_of(whole: QuestionSet, characters: int, *, share: float = 1.0) -> QuestionSet:
    """At most a share of the documents, with at most so many characters (bytes of a file) but at
    least one, by a seed; and the questions of which one document is among them, or none known."""
    count = int(share * len(whole.documents))
    chosen = random.Random(0).sample(list(whole.documents), max(1, count))
    sizes = accumulate(map(_size, chosen))
    documents = chosen[: max(1, sum(size <= characters for size in sizes))]
    kept = {document.name for document in documents}
    told = [(question, _documents(question)) for question in whole.questions]
    questions = [question for question, names in told if not names or names & kept]
    return replace(whole, documents=documents, questions=questions)


def left_out(whole: QuestionSet, part: QuestionSet) -> list[Question]:
    """The questions of which every document was left out."""
    kept = {document.name for document in part.documents}
    return [q for q in whole.questions if q.relevant and not _documents(q) & kept]


def _documents(question: Question) -> set[str]:
    return {part.document for part in question.relevant}


def _size(document: SourceDocument) -> int:
    return len(document.text or "") if document.path is None else document.path.stat().st_size
