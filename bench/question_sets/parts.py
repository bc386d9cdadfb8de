"""A part of a question set: fewer documents, and the questions that they alone answer."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from bench.question_sets.findable import findable
from eval.types import Question, QuestionSet, SourceDocument


def part_of(whole: QuestionSet, characters: int) -> QuestionSet:
    """At most half of the documents and so many characters, by a seed, and the questions of which
    one document and an answer are among them."""
    half = random.Random(0).sample(list(whole.documents), len(whole.documents) // 2)
    documents = _fitting(half, characters)
    kept = {document.name for document in documents}
    questions = [question for question in whole.questions if _documents(question) & kept]
    return findable(replace(whole, documents=documents, questions=questions))


def left_out(whole: QuestionSet, part: QuestionSet) -> list[Question]:
    """The questions of which every document was left out."""
    kept = {document.name for document in part.documents}
    return [q for q in whole.questions if q.relevant and not _documents(q) & kept]


def around(asked: QuestionSet, characters: int) -> QuestionSet:
    """The documents of the questions, and so many others that all have so many characters."""
    wanted = {name for question in asked.questions for name in _documents(question)}
    order = random.Random(0).sample(list(asked.documents), len(asked.documents))
    order.sort(key=lambda document: document.name not in wanted)
    return replace(asked, documents=_fitting(order, characters))


def _fitting(documents: Sequence[SourceDocument], characters: int) -> list[SourceDocument]:
    """Those at the beginning that have so many characters (bytes of a file), at least one."""
    sizes = accumulate(map(_size, documents))
    count = sum(size <= characters for size in sizes)
    return list(documents[: max(1, count)])


def _documents(question: Question) -> set[str]:
    return {part.document for part in question.relevant}


def _size(document: SourceDocument) -> int:
    return len(document.text or "") if document.path is None else document.path.stat().st_size
