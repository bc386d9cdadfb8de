"""First answers: given again to the same request of the same caller, for a day."""

from __future__ import annotations

import time

import pytest

from kb.errors import Conflict
from kb.store.access import idempotency
from kb.store.access.idempotency import KEPT_S, FirstAnswer
from kb.store.apps.redaction import redact_all
from kb.store.engine import dialect, schema
from kb.store.engine.database import Database

GONE = "doc_" + "a" * 28
SHOWN = FirstAnswer(200, f'{{"sources": [{{"document_id": "{GONE}", "text": "kumquat"}}]}}')
ACCEPTED = FirstAnswer(202, f'{{"accepted": [{{"document_id": "{GONE}"}}]}}')
ANSWER = FirstAnswer(201, '{"id": "x"}')


@pytest.fixture
def database(database: Database) -> Database:
    database.writing(idempotency.keep, "alice", "k", "body", ANSWER)
    return database


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


def test_an_answer_that_shows_a_deleted_document_goes_and_what_accepted_it_stays(database):
    database.writing(idempotency.keep, "alice", "shown", "body", SHOWN)
    database.writing(idempotency.keep, "alice", "accepted", "body", ACCEPTED)
    redact_all(database, [GONE])
    assert database.reading(idempotency.find, "alice", "shown", "body") is None
    assert database.reading(idempotency.find, "alice", "accepted", "body") == ACCEPTED
    assert database.reading(idempotency.find, "alice", "k", "body") == ANSWER


def test_an_answer_that_shows_a_document_deleted_meanwhile_is_not_kept(database):
    deleted = {"document_id": GONE, "workspace": "w", "dataset_id": "d", "deleted_at": "now"}
    with database.write() as tx:
        dialect.upsert(tx, schema.erasures, {**deleted, "not_before": 0.0, "originals": ()})
        idempotency.keep(tx, "alice", "shown", "body", SHOWN)
        idempotency.keep(tx, "alice", "accepted", "body", ACCEPTED)
    assert database.reading(idempotency.find, "alice", "shown", "body") is None
    assert database.reading(idempotency.find, "alice", "accepted", "body") == ACCEPTED
