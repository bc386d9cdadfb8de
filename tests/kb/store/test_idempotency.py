"""First answers: given again to the same request of the same caller, for a day."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from kb.errors import Conflict
from kb.store.access import idempotency
from kb.store.access.idempotency import KEPT_S, FirstAnswer
from kb.store.engine.database import Database

ANSWER = FirstAnswer(201, '{"id": "x"}')


@pytest.fixture
def database(tmp_path: Path):
    opened = Database(tmp_path / "kb.db")
    opened.writing(idempotency.keep, "alice", "k", "body", ANSWER)
    yield opened
    opened.close()


def test_the_first_answer_is_given_again(database):
    assert database.reading(idempotency.find, "alice", "k", "body") == ANSWER


def test_another_caller_and_another_key_have_no_answer(database):
    assert database.reading(idempotency.find, "bob", "k", "body") is None
    assert database.reading(idempotency.find, "alice", "other", "body") is None


def test_another_request_under_the_key_is_a_conflict(database):
    with pytest.raises(Conflict):
        database.reading(idempotency.find, "alice", "k", "another body")


def test_what_was_made_anew_because_the_first_is_gone_is_given_from_then_on(database):
    anew = FirstAnswer(201, "second")
    database.writing(idempotency.keep, "alice", "k", "body", anew)
    assert database.reading(idempotency.find, "alice", "k", "body") == anew


def test_an_answer_is_forgotten_after_a_day_and_the_key_can_be_used_anew(database, monkeypatch):
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + KEPT_S + 1)
    assert database.reading(idempotency.find, "alice", "k", "another body") is None
    second = FirstAnswer(201, "second")
    database.writing(idempotency.keep, "alice", "k", "another body", second)
    assert database.reading(idempotency.find, "alice", "k", "another body") == second
