"""Tables hold frozen types: what goes in comes back, and nothing else goes in."""

from __future__ import annotations

import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import StatementError

from kb.store.content import datasets, documents
from kb.store.engine import schema
from kb.store.engine.database import Database
from kb.store.upkeep import erasures
from kb.types import Processing, Quota, Scope, SplitOptions

ADMIN = Scope.admin()
PROCESSING = Processing({"hyphenation": False}, SplitOptions(max_tokens=9), (r"\d{4}",))


def test_a_type_in_a_column_comes_back_as_it_was(database: Database):
    given = {"processing": PROCESSING, "quota": Quota(documents=3)}
    made = database.writing(datasets.create, ADMIN, name="d", embedder="e", **given)
    found = database.reading(datasets.get, ADMIN, made.id)
    assert found == made
    assert (found.processing, found.quota) == (PROCESSING, Quota(documents=3))


def test_a_row_that_is_older_than_a_field_has_the_fields_default(database: Database):
    made = database.writing(datasets.create, ADMIN, name="d", embedder="e", quota=Quota(1, 1))
    with database.write() as tx:
        tx.execute(text("UPDATE datasets SET quota = NULL, model = NULL"))
    found = database.reading(datasets.get, ADMIN, made.id)
    assert (found.quota, found.model) == (Quota(), None)


def test_what_is_not_of_the_columns_type_is_refused_and_not_shown(database: Database):
    row = {"app_id": "app_a", "version": 1, "created_at": "x"}
    content = {"prompt": "Hidden word: quicksilver."}
    with pytest.raises(StatementError) as refused, database.write() as tx:
        tx.execute(insert(schema.app_versions).values(content=content, **row))
    assert "AppContent" in str(refused.value)
    assert "quicksilver" not in str(refused.value)


def test_any_number_of_values_is_looked_up_at_once(database: Database):
    """More than a statement may have variables."""
    assert database.reading(documents.names, [f"doc_{n}" for n in range(100_000)]) == {}


def test_bytes_are_found_in_a_value_of_any_type(database: Database):
    database.writing(datasets.create, ADMIN, name="a\\b 雨", embedder="e", processing=PROCESSING)
    row = {"digest": bytes(range(32)), "expires": 1.0}
    database.writing(lambda tx: tx.execute(insert(schema.sessions).values(**row)))
    pieces = {
        "a\\b 雨".encode(): ["datasets"],
        b"hyphenation": ["datasets", "generations"],  # in JSON
        bytes(range(5, 9)): ["sessions"],
        b"nowhere": [],
    }
    for piece, tables in pieces.items():
        assert sorted(database.reading(erasures.tables_with, [piece])) == tables
