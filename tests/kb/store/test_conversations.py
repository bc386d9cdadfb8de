"""Conversations and messages: seen by whom they belong to, and gone when they are deleted."""

from __future__ import annotations

import pytest

from kb.errors import NotFound
from kb.ids import new_id, now
from kb.store.access.keys import NOBODY
from kb.store.apps import apps, conversations
from kb.store.engine.database import Database
from kb.store.engine.paging import PageRequest
from kb.types import Failure, Message, Route, Scope, Usage

ADMIN = Scope.admin()


@pytest.fixture
def app_id(database: Database) -> str:
    return database.writing(apps.create, ADMIN, slug="app", name="App").id


def talk(database: Database, app_id: str, end_user: str | None = None, query: str = "Hi") -> str:
    first = written(app_id, new_id("conv"), query)
    assert database.writing(conversations.begin, ADMIN, first, end_user=end_user)
    return first.conversation_id


def say(database: Database, app_id: str, conversation_id: str, query: str, **fields) -> Message:
    message = written(app_id, conversation_id, query, **fields)
    with database.write() as tx:
        if conversations.go_on(tx, message):
            conversations.add_message(tx, message)
    return message


def written(app_id: str, conversation_id: str, query: str, **fields) -> Message:
    return Message(
        id=new_id("msg"),
        conversation_id=conversation_id,
        run_id=new_id("run"),
        app_id=app_id,
        app_slug="app",
        app_version=1,
        query=query,
        answer=fields.get("answer", f"Answer to {query}"),
        status=fields.get("status", "completed"),
        finish_reason="stop",
        grounded=fields.get("grounded"),
        route=Route("base", "default", "extractive"),
        sources=[{"n": 1, "document_id": "doc_1", "text": f"Source of {query}"}],
        citations=(),
        usage=Usage(),
        timings_ms={"total": 1.0},
        error=fields.get("error"),
        created_at=now(),
        replay_of=fields.get("replay_of"),
    )


@pytest.mark.parametrize("grounded", [True, False, None])
def test_a_message_comes_back_as_it_was_stored(database, app_id, grounded):
    conversation_id = talk(database, app_id)
    error = Failure("x", "y")
    stored = say(database, app_id, conversation_id, "one", grounded=grounded, error=error)
    assert database.reading(conversations.message, ADMIN, stored.id) == stored
    assert database.reading(conversations.message_of_run, ADMIN, stored.run_id) == stored


def test_a_conversation_is_seen_only_with_its_app_and_its_user(database, app_id):
    hers = talk(database, app_id, "alice")
    message = say(database, app_id, hers, "one")
    chat = frozenset({"chat"})
    for scope in (
        Scope(chat, apps=frozenset({"app_other"})),
        Scope(chat, apps=frozenset({app_id}), end_user="bob"),
        Scope(chat, workspace="other"),
    ):
        for look, name in (
            (conversations.get, hers),
            (conversations.message, message.id),
            (conversations.message_of_run, message.run_id),
        ):
            with pytest.raises(NotFound):
                database.reading(look, scope, name)
        assert database.reading(conversations.page, scope, PageRequest()).data == ()
        with pytest.raises(NotFound):
            database.writing(conversations.remove, scope, hers)
    alice = Scope(chat, apps=frozenset({app_id}), end_user="alice")
    assert database.reading(conversations.get, alice, hers).end_user == "alice"


def test_history_holds_the_last_whole_turns_in_order(database, app_id):
    conversation_id = talk(database, app_id)
    for number in range(5):
        say(database, app_id, conversation_id, f"q{number}")
        say(database, app_id, conversation_id, f"lost{number}", status="failed")
    turns, sources = database.reading(conversations.history, ADMIN, conversation_id, 3)
    assert [turn.query for turn in turns] == ["q2", "q3", "q4"]
    assert set(sources) == {"Source of q2", "Source of q3", "Source of q4"}


def test_an_answer_to_a_deleted_conversation_is_dropped(database, app_id):
    conversation_id = talk(database, app_id)
    first = say(database, app_id, conversation_id, "one")
    database.writing(conversations.remove, ADMIN, conversation_id)
    late = say(database, app_id, conversation_id, "two")
    for message in (first, late):
        with pytest.raises(NotFound):
            database.reading(conversations.message, ADMIN, message.id)


def test_a_deleted_app_takes_its_conversations_with_it(database, app_id):
    conversation_id = talk(database, app_id)
    say(database, app_id, conversation_id, "one")
    database.writing(apps.remove, ADMIN, app_id)
    late = written(app_id, new_id("conv"), "two")
    assert not database.writing(conversations.begin, ADMIN, late, end_user=None)
    with pytest.raises(NotFound):
        database.reading(conversations.get, ADMIN, conversation_id)


def test_a_replay_of_a_message_that_was_deleted_begins_nothing(database, app_id):
    conversation_id = talk(database, app_id)
    original = say(database, app_id, conversation_id, "one")
    replay = written(app_id, new_id("conv"), "one", replay_of=original.id)
    assert database.writing(conversations.begin, ADMIN, replay, end_user=None)
    database.writing(conversations.remove, ADMIN, conversation_id)
    late = written(app_id, new_id("conv"), "one", replay_of=original.id)
    assert not database.writing(conversations.begin, ADMIN, late, end_user=None)


def test_a_conversation_keeps_the_variant_that_was_noted_last(database, app_id):
    conversation_id = talk(database, app_id)
    for variant, kept in ((None, None), ("tuned", "tuned"), (None, "tuned")):
        message = written(app_id, conversation_id, "again")
        assert database.writing(conversations.go_on, message, variant=variant)
        found = database.reading(conversations.get, ADMIN, conversation_id)
        assert (found.variant, found.updated_at) == (kept, message.created_at)


def test_a_conversation_is_named_after_its_first_question_in_one_short_line(database, app_id):
    conversation_id = talk(database, app_id, query="  What\n is\tthis? " + "x" * 500)
    name = database.reading(conversations.get, ADMIN, conversation_id).name
    assert name.startswith("What is this? xxx")
    assert len(name) == conversations.NAME_LENGTH


def test_messages_come_in_pages_that_add_up(database, app_id):
    conversation_id = talk(database, app_id)
    said = [say(database, app_id, conversation_id, f"q{n}").id for n in range(7)]
    found: list[str] = []
    cursor = None
    while True:
        request = PageRequest(3, cursor)
        part = database.reading(conversations.messages_of, ADMIN, conversation_id, request)
        found += [message.id for message in part.data]
        cursor = part.next
        if cursor is None:
            break
    assert found == sorted(said)


def test_who_is_narrowed_to_nobody_sees_no_conversation_not_even_nobodys(database, app_id):
    anonymous = Scope(frozenset({"chat"}), apps=frozenset({app_id}), end_user=NOBODY)
    for owner in (NOBODY, "alice", None):
        talked = talk(database, app_id, owner)
        with pytest.raises(NotFound):
            database.reading(conversations.get, anonymous, talked)
    assert database.reading(conversations.page, anonymous, PageRequest()).data == ()


def test_history_can_end_before_a_message(database, app_id):
    conversation_id = talk(database, app_id)
    said = [say(database, app_id, conversation_id, f"q{number}") for number in range(4)]
    turns, _ = database.reading(conversations.history, ADMIN, conversation_id, 2, before=said[3].id)
    assert [turn.query for turn in turns] == ["q1", "q2"]
