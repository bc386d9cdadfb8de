"""Questions of which an answer stands in the documents, word by word."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from eval.metrics.answers import searchable
from eval.types import Question, QuestionSet

_NEEDED: Mapping[str, Callable[[Iterable[bool]], bool]] = {"any": any, "all": all}
_EVERYWHERE = frozenset(searchable(word) for word in ("yes", "no", "是", "否", "はい", "いいえ"))


def findable(found: QuestionSet) -> QuestionSet:
    """Only the questions of which an answer stands in the documents.

    Yes and no do not count: they stand everywhere. Documents that are files (such as PDFs) are
    not read here, and with one among them every other answer counts as findable.
    """
    texts = [searchable(document.text or "") for document in found.documents]
    has_files = any(document.path is not None for document in found.documents)
    return replace(
        found,
        questions=[
            question
            for question in found.questions
            if (sought := _sought(question))
            and (has_files or _NEEDED[question.need](_stand_in(texts, sought)))
        ],
    )


def _sought(question: Question) -> list[str]:
    words = [searchable(answer) for answer in question.answers]
    return [answer for answer in words if answer and answer not in _EVERYWHERE]


def _stand_in(texts: Sequence[str], sought: Sequence[str]) -> Iterator[bool]:
    return (any(answer in text for text in texts) for answer in sought)
