"""Pairs of questions and passages to tune a search with, and what it must tell apart.

A row is a training row like any other: the question is the user's turn, a passage that answers it
the assistant's, and a passage that our own search finds but that does not answer it is `rejected`.
Documents are held out whole: a tuned model is measured on documents that it was not trained on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from eval.metrics.answers import answer_in, searchable
from eval.types import Question, Relevant
from tune.types import Origin, TrainingRow, TrainingTurn

Search = Callable[[str], Sequence[str]]
"""A question to the ids of chunks, best first."""

HELD_OUT = 0.2
FEWEST_DOCUMENTS = 10
"""With fewer, runs of chunks of one document are held out in place of documents."""
RUN = 12
SMALL = 2
"""Chunks of a document that is wholly right, though no answer says where, up to which all are; and
chunks with the answer, where no document is named, up to which they are what the question is about.
"""


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as it is embedded (`text`), in the place `number` of its document; `spans` are its
    (page, start, end)."""

    id: str
    document: str
    number: int
    text: str
    spans: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and the ids of the passages that answer it."""

    text: str
    passages: frozenset[str]
    answers: tuple[str, ...] = ()
    origin: Origin = "imported"
    language: str = ""


@dataclass(slots=True)
class Passages:
    """The passages of a dataset, by id and by place."""

    of_id: Mapping[str, Passage]
    _of_document: dict[str, list[Passage]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for passage in self.of_id.values():
            self._of_document.setdefault(passage.document, []).append(passage)

    def asked(self, question: Question, origin: Origin = "imported") -> Asked | None:
        """A question with the passages that hold what it should find; None if there is none."""
        found = frozenset(
            passage.id for part in question.relevant for passage in self._holding(part, question)
        ) or self._only_places(question)
        if not found:
            return None
        return Asked(question.text, found, question.answers, origin, question.language)

    def held_out(self, share: float = HELD_OUT) -> frozenset[str]:
        """The groups that are not trained on: always the same ones for the same names."""
        groups = sorted({self.group(each) for each in self.of_id.values()}, key=_shuffled)
        return frozenset(groups[: max(1, round(share * len(groups)))])

    def group(self, passage: Passage) -> str:
        """What always goes to one side: its document, or a run of chunks where there are few."""
        if len(self._of_document) >= FEWEST_DOCUMENTS:
            return passage.document
        return f"{passage.document}#{passage.number // RUN}"

    def _only_places(self, question: Question) -> frozenset[str]:
        if question.relevant:
            return frozenset()
        found = [
            each.id
            for each in self.of_id.values()
            if answer_in([each.text], question.answers, need=question.need) == 1
        ]
        return frozenset(found if len(found) <= SMALL else ())

    def _holding(self, part: Relevant, question: Question) -> Iterator[Passage]:
        near = [each for each in self._of_document.get(part.document, ()) if _touches(each, part)]
        own = [each for each in near if answer_in([each.text], question.answers)]
        is_small = part.start is not None or len(near) <= SMALL
        yield from own or (near if is_small else ())


def rows(
    asked: Iterable[Asked], passages: Passages, search: Search, share: float = HELD_OUT
) -> list[TrainingRow]:
    """A row per question; those whose passages are all held out are `valid`.

    What may answer a question though nobody said so is no passage to tell apart: with its answer in
    it, or with the same words as its own. Without any other that our search finds there is no row.
    """
    held_out = passages.held_out(share)
    found: list[TrainingRow] = []
    for one in asked:
        own = sorted(
            (passages.of_id[each] for each in one.passages),
            key=lambda own: (own.number, own.document),
        )
        trained = [each for each in own if passages.group(each) not in held_out]
        hits = search(one.text)
        wrong = _wrong(one, passages, hits)
        if wrong is not None:
            right = _first(trained or own, hits)
            found.append(
                TrainingRow(
                    (TrainingTurn("user", one.text), TrainingTurn("assistant", right.text)),
                    origin=one.origin,
                    group=passages.group(right),
                    language=one.language,
                    split="train" if trained else "valid",
                    rejected=wrong,
                )
            )
    return found


def _first(right: list[Passage], hits: Sequence[str]) -> Passage:
    """Where an answer stands by chance, too, the passage that is found is the likelier one."""
    place = {each: number for number, each in enumerate(hits)}
    return min(right, key=lambda each: place.get(each.id, len(hits)))


def _wrong(one: Asked, passages: Passages, found: Sequence[str]) -> str | None:
    own = {searchable(passages.of_id[each].text) for each in one.passages}
    # Without an answer to look for, what is found first may well answer: the last is taken.
    for each in found if one.answers else reversed(found):
        text = passages.of_id[each].text if each in passages.of_id else ""
        is_own = each in one.passages or searchable(text) in own
        if text and not is_own and not answer_in([text], one.answers):
            return text
    return None


def _touches(passage: Passage, part: Relevant) -> bool:
    if part.start is None or part.end is None:
        return True
    return any(
        page == part.page and start < part.end and part.start < end
        for page, start, end in passage.spans
    )


def _shuffled(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()
