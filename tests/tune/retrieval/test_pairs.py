"""Which rows a search is tuned on, and which documents it is measured on."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from eval.types import Question, Relevant
from tune.retrieval.pairs import Asked, Passage, Passages, Search, rows


def passages(documents: int = 20, chunks: int = 2) -> Passages:
    """Each chunk has ten characters of its document's only page."""
    every = [
        Passage(f"{name}.{number}", name, number, f"{name} part {number}", (span(number),))
        for name in (f"doc{place}" for place in range(documents))
        for number in range(chunks)
    ]
    return Passages({each.id: each for each in every})


def span(number: int) -> tuple[int, int, int]:
    return 1, 10 * number, 10 * number + 10


def asked(*ids: str, text: str = "Which?", answers: Sequence[str] = ()) -> Asked:
    return Asked(text, frozenset(ids), tuple(answers))


def finding(*ids: str) -> Search:
    return lambda question: ids


def test_a_row_is_a_question_its_passage_and_the_first_hit_without_the_answer():
    question = asked("doc1.0", answers=["doc1"])

    (row,) = rows([question], passages(), finding("doc1.0", "doc1.1", "doc2.1", "doc3.0"))

    assert (row.prompt, row.answer, row.rejected) == ("Which?", "doc1 part 0", "doc2 part 1")
    assert row.group == "doc1"


def test_without_an_answer_to_look_for_the_last_hit_is_told_apart():
    (row,) = rows([asked("doc1.0")], passages(), finding("doc1.0", "doc2.1", "doc3.0"))

    assert row.rejected == "doc3 part 0"


def test_what_may_answer_as_well_is_no_passage_to_tell_apart():
    same_words = Passage("copy", "doc9", 5, "Doc1, part 0!")
    known = Passages({**passages().of_id, "copy": same_words})

    (row,) = rows(
        [asked("doc1.0", answers=["doc2"])], known, finding("gone", "copy", "doc2.0", "doc3.0")
    )

    assert row.rejected == "doc3 part 0"


def test_without_anything_to_tell_apart_there_is_no_row():
    assert rows([asked("doc1.0")], passages(), finding("doc1.0")) == []


def test_documents_are_held_out_whole():
    known = passages()
    every = [asked(each, text=each) for each in known.of_id]

    found = rows(every, known, lambda question: list(known.of_id))

    sides = {(row.group, row.split) for row in found}
    held_out = [group for group, split in sides if split == "valid"]
    assert len(held_out) == 4  # a fifth of 20
    assert len(sides) == 20  # no document on both sides
    assert {row.split for row in found if row.group in held_out} == {"valid"}


def test_runs_of_chunks_are_held_out_of_few_documents():
    known = passages(documents=1, chunks=120)

    assert len(known.held_out()) == 2  # a fifth of ten runs
    assert all(group.startswith("doc0#") for group in known.held_out())


def test_a_question_on_both_sides_is_trained_with_what_is_not_held_out():
    known = passages()
    held_out, *_ = known.held_out()
    other = next(name for name in ("doc0", "doc1") if name not in known.held_out())

    (row,) = rows([asked(f"{held_out}.0", f"{other}.1")], known, finding("doc5.1"))

    assert (row.split, row.answer) == ("train", f"{other} part 1")


@pytest.mark.parametrize(
    ("part", "answers", "expected"),
    [
        (Relevant("doc1", 12, 14), (), {"doc1.1"}),
        (Relevant("doc1", 8, 14), ("part 1",), {"doc1.1"}),
        (Relevant("doc1", 8, 14), ("elsewhere",), {"doc1.0", "doc1.1"}),
        (Relevant("doc1"), ("part 0",), {"doc1.0"}),
        (Relevant("doc1"), (), {"doc1.0", "doc1.1"}),
    ],
    ids=["a place", "the answer in it", "a place without the answer", "the answer", "a short one"],
)
def test_a_question_has_the_passages_that_hold_its_answer(
    part: Relevant, answers: tuple[str, ...], expected: set[str]
):
    found = passages().asked(Question("1", "Which?", answers, (part,)))

    assert found is not None
    assert found.passages == expected


def test_a_long_document_as_a_whole_says_not_which_passage_is_right():
    question = Question("1", "Which?", relevant=(Relevant("doc0"),))

    assert passages(documents=1, chunks=30).asked(question) is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("doc1 part 0", {"doc1.0"}), ("doc1", {"doc1.0", "doc1.1"}), ("part 0", None), ("9", None)],
    ids=["one passage", "two", "one of every document", "none"],
)
def test_an_answer_that_hardly_any_passage_holds_says_where_to_look(
    answer: str, expected: set[str] | None
):
    found = passages().asked(Question("1", "Which?", (answer,)))

    assert (found and found.passages) == expected


def test_of_several_right_passages_the_one_that_is_found_first_is_trained_with():
    known = passages()
    trained = [name for name in ("doc1", "doc2", "doc3") if name not in known.held_out()]
    early, late = f"{trained[0]}.0", f"{trained[1]}.1"

    (row,) = rows([asked(early, late)], known, finding("doc5.1", late))

    assert row.answer == known.of_id[late].text
