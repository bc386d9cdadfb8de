"""Apps: drafts change, versions never do, and whoever comes second is told."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from kb.errors import Conflict, NotFound
from kb.store.apps import apps
from kb.store.engine.database import Database
from kb.types import AppContent, InputVariable, Retrieval, Scope, Variant

ADMIN = Scope.admin()
CONTENT = AppContent(
    prompt="Hidden {{context}}",
    inputs=(InputVariable("who", required=True),),
    dataset_ids=("ds_1",),
    base=Variant("m", retrieval=Retrieval(top_k=3)),
    tuned=Variant("t", prompt="Tuned", retrieval=None, temperature=0.5, max_tokens=9),
    refusal="No.",
)


@pytest.fixture
def database(database: Database) -> Database:
    database.writing(apps.create, ADMIN, slug="app", name="App")
    return database


def put_draft(database: Database, content: AppContent, expected: int | None = None) -> int:
    return database.writing(apps.set_draft, ADMIN, "app", content, expected=expected)


def content_of(database: Database, stored: dict[str, Any]) -> AppContent:
    """The draft that some version has stored like this."""
    with database.write() as tx:
        tx.execute(text("UPDATE apps SET draft = :stored"), {"stored": json.dumps(stored)})
    return database.reading(apps.draft, ADMIN, "app")[0]


def test_a_draft_comes_back_as_it_was_put(database):
    put_draft(database, CONTENT)
    assert database.reading(apps.draft, ADMIN, "app") == (CONTENT, 2)


def test_a_version_does_not_change_when_the_draft_does(database):
    put_draft(database, CONTENT)
    first = database.writing(apps.publish, ADMIN, "app")
    put_draft(database, AppContent(prompt="Other"))
    second = database.writing(apps.publish, ADMIN, "app")

    assert (first.version, second.version) == (1, 2)
    assert database.reading(apps.version, ADMIN, "app", 1).content == CONTENT
    assert database.reading(apps.get, ADMIN, "app").version == 2
    database.writing(apps.rollback, ADMIN, "app", 1)
    assert database.reading(apps.get, ADMIN, "app").version == 1
    assert database.writing(apps.publish, ADMIN, "app").version == 3, "numbers are never reused"


@pytest.mark.parametrize("gone", [{"expand": "queries"}, {"diversity": 0.3}])
def test_what_was_published_with_an_option_that_is_gone_still_answers(database, gone):
    stored = asdict(CONTENT)
    stored["base"]["retrieval"].update(gone)
    assert content_of(database, stored) == CONTENT


def test_what_was_stored_under_earlier_names_of_options_is_read_under_the_present_ones(
    database,
):
    stored = asdict(AppContent(base=Variant("m", retrieval=Retrieval())))
    earlier = {"join": False, "fold": False}
    stored["base"]["retrieval"] = {"top_k": 3, **earlier}
    found = content_of(database, stored).base.retrieval
    assert found == Retrieval(top_k=3, merge_neighbours=False, deduplicate=False)


def test_a_draft_that_was_changed_meanwhile_is_not_overwritten(database):
    revision = put_draft(database, CONTENT)
    put_draft(database, CONTENT, expected=revision)
    with pytest.raises(Conflict):
        put_draft(database, AppContent(), expected=revision)
    assert database.reading(apps.draft, ADMIN, "app")[0] == CONTENT


def test_a_slug_is_taken_once_also_by_a_change(database):
    with pytest.raises(Conflict):
        database.writing(apps.create, ADMIN, slug="app", name="Another")
    database.writing(apps.create, ADMIN, slug="other", name="Other")
    with pytest.raises(Conflict):
        database.writing(apps.change, ADMIN, "other", {"slug": "app"})
    assert database.reading(apps.get, ADMIN, "other").slug == "other"


def test_another_scope_finds_nothing(database):
    stranger = Scope(frozenset({"chat"}), apps=frozenset({"app_other"}))
    for scope in (stranger, Scope(frozenset({"admin"}), workspace="other")):
        for look in (apps.get, apps.draft, apps.versions_of):
            with pytest.raises(NotFound):
                database.reading(look, scope, "app")


def test_a_deleted_app_is_gone_and_its_slug_is_free(database):
    database.writing(apps.publish, ADMIN, "app")
    database.writing(apps.remove, ADMIN, "app")
    with pytest.raises(NotFound):
        database.reading(apps.get, ADMIN, "app")
    again = database.writing(apps.create, ADMIN, slug="app", name="Again")
    assert again.version is None


def test_an_error_that_is_logged_does_not_hold_the_hidden_prompt(database):
    row = {"app_id": "app_absent", "version": 1, "created_at": "x"}
    content = AppContent("Hidden word: quicksilver.")
    statement = apps.versions.insert().values(content=content, **row)
    with pytest.raises(IntegrityError) as failed, database.write() as tx:
        tx.execute(statement)
    assert "quicksilver" not in str(failed.value)
