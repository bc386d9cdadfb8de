"""Which hits hold what is relevant, and what a question's values are."""

from __future__ import annotations

import pytest

from eval.run.measuring import measured, ranking
from eval.run.running import compare, summarise
from eval.types import AppAnswer, FoundPassage, Question, Relevant, TargetResponse
from kb.types import Span


def found(document: str, start: int, end: int, text: str = "", page: int = 1) -> FoundPassage:
    return FoundPassage(document, text, (Span(page, start, end),))


def test_a_hit_holds_a_part_if_they_share_half_of_the_shorter():
    question = Question("1", "?", relevant=(Relevant("a", 100, 110), Relevant("a", 500, 900)))
    hits = [
        found("a", 0, 105),  # half of the ten characters
        found("a", 0, 104),  # less than half
        found("a", 450, 550),  # half of the hit lies in the long part
        found("b", 100, 110),  # another document
        found("a", 100, 110, page=2),  # another page
        found("a", 90, 800),
    ]
    assert ranking(question, hits) == [{0}, set(), {1}, set(), set(), {0, 1}]


def test_a_whole_document_is_held_by_each_of_its_hits():
    question = Question("1", "?", relevant=(Relevant("a"),))
    assert ranking(question, [FoundPassage("a", "no spans"), found("a", 5, 9)]) == [{0}, {0}]


def test_a_part_over_a_page_break_is_held_by_a_hit_of_two_spans():
    question = Question("1", "?", relevant=(Relevant("a", 0, 40, page=2),))
    hit = FoundPassage("a", "", (Span(1, 900, 950), Span(2, 0, 30)))
    assert ranking(question, [hit]) == [{0}]


def test_a_search_is_measured_by_what_the_question_knows():
    question = Question("1", "?", ("nine",), (Relevant("a", 10, 14),))
    hits = [found("b", 0, 50, "at ten"), found("a", 0, 50, "at nine o'clock")]
    result = measured(question, TargetResponse(hits, 3.0), ks=(1, 2))

    assert result.rank == 2
    assert result.values["recall@1"] == 0
    assert result.values["recall@2"] == 1
    assert result.values["mrr"] == 0.5
    assert result.values["answer@1"] == 0
    assert result.values["answer in 1000 tokens"] == 1
    assert result.values["characters precision@5"] == 4 / 100
    assert "f1" not in result.values
    assert measured(Question("2", "?"), TargetResponse(hits)).values == {}


def test_an_answer_is_measured_by_its_words_its_citations_and_whether_it_was_refused():
    question = Question("1", "When?", ("at nine",), (Relevant("a", 10, 20),))
    answer = AppAnswer("It opens at nine.", [found("a", 12, 18), found("a", 300, 310)])
    values = measured(question, TargetResponse([found("a", 0, 50)], 1.0, answer)).values

    assert values["f1"] == pytest.approx(2 * 2 / (4 + 2))
    assert (values["exact match"], values["answer said"], values["answered"]) == (0, 1, 1)
    assert (values["citation precision"], values["citation recall"]) == (0.5, 1)


def test_a_refused_answer_says_nothing_and_an_unanswerable_question_wants_it():
    refusal = AppAnswer("I could not find this.", is_refusal=True)
    wanted = measured(Question("1", "?", ("nine",)), TargetResponse(answer=refusal)).values
    unanswerable = measured(
        Question("2", "?", answerable=False), TargetResponse(answer=refusal)
    ).values

    assert (wanted["f1"], wanted["answered"]) == (0, 0)
    assert unanswerable == {"refused": 1}


def test_a_failed_question_counts_as_nothing_found():
    question = Question("1", "?", ("nine",), (Relevant("a"),))
    result = measured(question, TargetResponse(error="overloaded"))

    assert result.values["recall@5"] == 0
    assert result.values["answered"] == 0
    assert summarise([result]).failed == 1
    assert summarise([result]).latency_ms is None


def test_groups_are_summed_up_unless_they_are_too_small_to_say_anything():
    def result(kind: str, right: bool):
        question = Question("1", "?", relevant=(Relevant("a"),), type=kind, language="en")
        return measured(question, TargetResponse([FoundPassage("a" if right else "b", "")], 2.0))

    results = [result("who", n < 3) for n in range(6)] + [result("why", True)] * 2
    summary = summarise(results)

    assert summary.metrics["recall@1"].mean == pytest.approx(5 / 8)
    assert summary.by_type["who"].metrics["recall@1"].mean == pytest.approx(3 / 6)
    assert [(name, group.questions) for name, group in summary.by_type.items()] == [("who", 6)]
    assert list(summary.by_language) == ["en"]


def test_two_runs_are_compared_over_the_questions_that_have_values_in_both():
    questions = [Question(str(n), "?", relevant=(Relevant("a"),)) for n in range(20)]
    before = [measured(q, TargetResponse([FoundPassage("b", "")])) for q in questions]
    after = [measured(q, TargetResponse([FoundPassage("a", "")])) for q in questions]
    rows = {row.metric: row for row in compare(before, after)}

    assert (rows["mrr"].before, rows["mrr"].after, rows["mrr"].questions) == (0, 1, 20)
    assert rows["mrr"].difference.p_value < 0.01
    with pytest.raises(ValueError, match="same questions"):
        compare(before, after[::-1])
