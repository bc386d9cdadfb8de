"""Fixed answers for questions in other words, with the embedding model of the installation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kb.chat.ask.curated import AlikeQuestions
from kb.chat.ask.question import ChatRequest
from kb.models.embed.embedders import open_embedder
from kb.protocols import Embedder
from kb.store.apps import apps, fixed_answers
from kb.store.engine.database import Database
from kb.store.engine.sqlite import SqliteDatabase
from kb.types import App, Scope

ADMIN = Scope.admin()
FIXED = {
    "How many days of annual leave do I get per year?": "27 days.",
    "When does the shuttle leave the hospital on weekdays?": "At 7:05.",
    "How much is the deposit for room 12?": "25 EUR.",
    "May I bring a dog?": "Yes, on a lead.",
    "工牌丢了打什么电话？": "6120。",
}
AGAIN = [
    ("On weekdays, when does the shuttle leave the hospital?", "At 7:05."),
    ("Please tell me how many days of annual leave I get per year.", "27 days."),
    ("请问工牌丢了要打什么电话？", "6120。"),
]
OTHERS = [
    "How many days of annual leave do I get per month?",
    "When does the shuttle leave the airport on weekdays?",
    "How much is the deposit for room 13?",
    "May I not bring a dog?",
    "工牌丢了要交多少钱？",
    "What is the weather like?",
]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return open_embedder("bundled", cache_dir=Path(), threads=1, batch_size=8)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = SqliteDatabase(tmp_path / "kb.db")
    yield opened
    opened.close()


@pytest.fixture
def app(database: Database) -> App:
    made = database.writing(apps.create, ADMIN, slug="help", name="Help")
    database.writing(fixed_answers.put, ADMIN, "help", FIXED)
    return made


def answer(database: Database, alike: AlikeQuestions, app: App, query: str) -> str | None:
    rows = database.reading(fixed_answers.questions, app.id)
    found = alike.fixed_answer(app, rows, ChatRequest(query))
    return found.answer if found else None


def test_the_same_question_in_other_words_is_recognised_and_no_other(
    database: Database, embedder: Embedder, app: App
):
    alike = AlikeQuestions(database, embedder)
    assert [answer(database, alike, app, query) for query, _ in AGAIN] == [a for _, a in AGAIN]
    assert [answer(database, alike, app, query) for query in OTHERS] == [None] * len(OTHERS)


def test_an_app_chooses_how_alike_questions_must_be(
    database: Database, embedder: Embedder, app: App
):
    alike, (query, right) = AlikeQuestions(database, embedder), AGAIN[0]
    other = "When does the shuttle leave the hospital on weekdays in winter?"
    assert answer(database, alike, replace(app, annotation_score=1.0), query) is None
    assert answer(database, alike, replace(app, annotation_score=1.0), [*FIXED][1])
    assert answer(database, alike, app, other) is None
    assert answer(database, alike, replace(app, annotation_score=0.4), other) == right
    loosest = replace(app, annotation_score=0.0)
    assert answer(database, alike, loosest, "How much is the deposit for room 13?") is None


def test_vectors_of_another_embedder_are_made_anew_and_never_compared(
    database: Database, embedder: Embedder, app: App
):
    hashed = open_embedder("hash", cache_dir=Path(), threads=1, batch_size=8)
    AlikeQuestions(database, hashed).embed(app.id)
    query, right = AGAIN[0]
    assert answer(database, AlikeQuestions(database, embedder), app, query) == right
    rows = database.reading(fixed_answers.questions, app.id)
    assert {row.embedder for row in rows} == {embedder.fingerprint}
    assert {len(row.vector) for row in rows} == {4 * embedder.dimensions}


def test_a_language_that_the_model_does_not_know_gets_the_same_wording_only(
    database: Database, app: App
):
    alike = AlikeQuestions(
        database, open_embedder("bundled-en", cache_dir=Path(), threads=1, batch_size=8)
    )
    assert answer(database, alike, app, "工牌丢了打什么电话") == "6120。"
    assert answer(database, alike, app, AGAIN[2][0]) is None
