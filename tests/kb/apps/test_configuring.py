"""What an app's draft and switch may name, whether a model is in use: without a server."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb.apps import configuring, registering
from kb.errors import Conflict, NotFound, Rejected
from kb.store.access.secrets import Secrets
from kb.store.apps import apps, fixed_answers
from kb.store.engine.sqlite import SqliteDatabase
from kb.types import AppContent, Model, RoutePolicy, RouteRule, Scope, Variant

ADMIN = Scope.admin()
VAULT = Secrets(b"s" * 32)
TUNED = AppContent(base=Variant("writer"), tuned=Variant("writer"))


@pytest.fixture
def database(tmp_path: Path):
    opened = SqliteDatabase(tmp_path / "kb.db")
    opened.writing(configuring.add, ADMIN, {"slug": "app", "name": "App"})
    opened.writing(registering.add, ADMIN, VAULT, Model("writer", "openai", None, "m"))
    yield opened
    opened.close()


@pytest.mark.parametrize("content", [
    AppContent(dataset_ids=("ds_gone",)),
    AppContent(base=Variant("unregistered")),
])  # fmt: skip
def test_a_draft_names_only_what_is_there(database, content: AppContent):
    with pytest.raises(NotFound):
        database.writing(configuring.set_draft, ADMIN, "app", content, None)

    assert database.reading(configuring.draft, ADMIN, "app").content == AppContent()


def test_names_that_the_server_uses_itself_need_no_registration(database):
    content = AppContent(base=Variant("default"), tuned=Variant("extractive"))
    assert database.writing(configuring.set_draft, ADMIN, "app", content, None).content == content


def test_the_switch_turns_to_tuned_only_where_something_is_tuned(database):
    with pytest.raises(Conflict, match="no tuned variant"):
        database.writing(configuring.set_switch, ADMIN, "app", RoutePolicy("tuned"))

    database.writing(configuring.set_draft, ADMIN, "app", TUNED, None)
    turned = database.writing(configuring.set_switch, ADMIN, "app", RoutePolicy("tuned"))
    assert [warning.code for warning in turned.warnings] == ["no_tuned_variant"]

    database.writing(apps.publish, ADMIN, "app")
    assert database.reading(configuring.switch, ADMIN, "app").warnings == ()
    assert database.reading(configuring.state, ADMIN, "app").has_tuned


def test_a_rule_names_only_datasets_that_are_there(database):
    policy = RoutePolicy(rules=(RouteRule("base", dataset_ids=("ds_gone",)),))
    with pytest.raises(NotFound):
        database.writing(configuring.set_switch, ADMIN, "app", policy)


def test_a_model_that_an_app_asks_is_forgotten_only_by_force(database):
    database.writing(configuring.set_draft, ADMIN, "app", TUNED, None)
    with pytest.raises(Conflict, match="apps app"):
        database.writing(registering.remove, ADMIN, "writer", force=False)

    database.writing(registering.remove, ADMIN, "writer", force=True)
    with pytest.raises(NotFound):
        database.writing(registering.remove, ADMIN, "writer", force=True)


def test_a_model_is_not_registered_under_a_name_of_the_server(database):
    model = Model("default", "openai", None, "m")
    with pytest.raises(Rejected, match="taken by the server"):
        database.writing(registering.add, ADMIN, VAULT, model)


def test_an_answer_is_fixed_for_messages_of_its_app_only(database):
    words = {"question": "When?", "answer": "At nine."}
    with pytest.raises(NotFound):
        database.writing(fixed_answers.add, ADMIN, "app", message_id="msg_gone", **words)

    made = database.writing(fixed_answers.add, ADMIN, "app", message_id=None, **words)
    assert database.reading(apps.get, ADMIN, "app").id == made.app_id
