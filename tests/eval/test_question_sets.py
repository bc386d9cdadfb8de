"""Our own form of question sets, what is told about a broken one, and samples."""

from __future__ import annotations

from pathlib import Path

import pytest

from eval.question_sets.forms import load
from eval.question_sets.own import write
from eval.question_sets.texts import UnreadableQuestions, language_of, place_of
from eval.types import Question, QuestionSet, Relevant, SourceDocument


def test_our_own_form_is_read_as_it_is_written(tmp_path: Path):
    questions = [
        Question("1", "Where?", ("here", "there"), (Relevant("a.md", 3, 9, 2),), language="en"),
        Question("2", "何？", answerable=False, type="none", language="ja"),
        Question("3", "All?", ("x", "y"), (Relevant("b.md", grade=2.0),), language="en",
                 need="all", reference="x and y"),
    ]  # fmt: skip
    (tmp_path / "documents" / "deep").mkdir(parents=True)
    (tmp_path / "documents" / "deep" / "a.md").write_text("text")
    write(questions, tmp_path / "questions.jsonl")
    found = load(tmp_path)

    assert found.questions == questions
    assert [document.name for document in found.documents] == ["deep/a.md"]


def test_a_table_of_questions_may_be_a_csv(tmp_path: Path):
    (tmp_path / "set.csv").write_text(
        "question,answers,document,spans,answerable\n"
        'Where?,here | there,a.md,"[{""start"": 1, ""end"": 5}]",\n'
        "Who?,,,,no\n",
        encoding="utf-8-sig",
    )
    where, who = load(tmp_path / "set.csv").questions

    assert (where.answers, where.relevant) == (("here", "there"), (Relevant("a.md", 1, 5),))
    assert who.answerable is False


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"question": "Where?", "anwsers": ["a"]}', "question 1: anwsers: .*Known: id, question"),
        ('{"question": " "}', "question 1: no question"),
        ('{"question": "Where?"}\nnot json', "line 2: not JSON"),
        ('{"question": "W?", "document": "a", "spans": [{"start": 1}]}', "start and end"),
        ("", "in no form that is known"),
    ],
)
def test_a_broken_set_says_where_and_what(tmp_path: Path, content: str, complaint: str):
    path = tmp_path / "set.jsonl"
    path.write_text(content)
    with pytest.raises(UnreadableQuestions, match=complaint):
        load(path)


def test_a_missing_path_and_an_unknown_form_are_told(tmp_path: Path):
    with pytest.raises(UnreadableQuestions, match="no file or folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(UnreadableQuestions, match="No form is called 'parquet'"):
        load(tmp_path, form="parquet")


def test_a_sample_is_the_same_for_a_seed_and_keeps_order_and_documents():
    questions = [Question(str(number), "?") for number in range(50)]
    whole = QuestionSet("s", "en", [SourceDocument("a", "x")], questions)
    chosen = whole.sample(10, seed=3)

    assert chosen == whole.sample(10, seed=3) != whole.sample(10, seed=4)
    assert [int(q.id) for q in chosen.questions] == sorted(int(q.id) for q in chosen.questions)
    assert chosen.documents == whole.documents
    assert whole.sample(99) is whole


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("What is the name of the river in the town?", "en"),
        ("梅雨とは何季の一種か?", "ja"),
        ("谁救了曹操？", "zh"),
        ("강은 어디에 있습니까?", "ko"),
        ("Wo liegt die Stadt am Fluss?", "de"),
        ("", "und"),
    ],
)
def test_a_language_is_told_as_everywhere_in_the_product(text: str, language: str):
    assert language_of([text]) == language


def test_of_several_places_the_one_nearest_to_what_was_said_is_taken():
    assert place_of("aXbXcX", "X", near=4) == (3, 4)
    assert place_of("aaa", "aa", near=1) == (1, 3)
    assert place_of("abc", "z") is None
    assert place_of("abc", "") is None
