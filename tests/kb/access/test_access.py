"""Who may come in: keys of every kind, the operator's key, login links and sessions."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import text

from kb.access import Access
from kb.access.console import SESSION_S, Console
from kb.access.sign_in import FREE_TRIES, MANY_TRIES, SignInTries
from kb.errors import NotFound, RateLimited, Unauthenticated
from kb.knowledge_base import KnowledgeBase
from kb.store.access import keys
from kb.store.apps import apps
from kb.store.engine import sqlite_file
from kb.store.engine.sqlite import SqliteDatabase
from kb.types import KeyKind
from tests.parts import ADMIN, publish

KEY = "a key of the operator"


@pytest.fixture
def access(kb: KnowledgeBase) -> Access:
    return kb.access


@pytest.fixture
def console(kb: KnowledgeBase) -> Console:
    return Console(kb.database, kb.secrets, KEY)


def new_key(kb: KnowledgeBase, kind: KeyKind, **opened) -> tuple[str, str]:
    new = keys.NewKey(kind, **opened)
    key, token = kb.database.writing(keys.create, ADMIN, kb.secrets, new)
    return key.id, token


def is_refused(access: Access, token: str | None) -> bool:
    try:
        access.authenticate(token)
    except Unauthenticated as exc:
        return exc.detail == Unauthenticated().detail  # all refusals are alike
    return False


def test_the_admin_key_opens_everything(access):
    caller = access.authenticate(access.admin_key)
    assert (caller.kind, caller.scope.datasets, caller.scope.apps) == ("admin", None, None)
    assert all(caller.scope.may(p) for p in ("admin", "ingest", "search", "chat"))


def test_a_key_opens_what_its_kind_says_and_no_more(kb, access):
    app = publish(kb, "app")
    _, token = new_key(kb, "dataset", dataset_ids=("ds_1", "ds_2"))
    scope = access.authenticate(token).scope
    assert (scope.datasets, scope.apps) == (frozenset({"ds_1", "ds_2"}), frozenset())
    assert scope.permissions == {"ingest", "search"}

    key_id, token = new_key(kb, "app", app_id=app.id)
    caller = access.authenticate(token)
    assert (caller.kind, caller.key_id, caller.scope.key_id) == ("app", key_id, key_id)
    assert (caller.scope.datasets, caller.scope.apps) == (frozenset(), frozenset({app.id}))
    assert caller.scope.permissions == {"chat"}


def test_a_made_admin_key_opens_everything_until_it_is_revoked(kb, access):
    key_id, token = new_key(kb, "admin")
    assert access.authenticate(token).scope.may("admin")
    kb.database.writing(keys.revoke, ADMIN, key_id)
    assert is_refused(access, token)
    with pytest.raises(NotFound):
        kb.database.writing(keys.revoke, ADMIN, key_id)


def test_an_absent_malformed_unknown_wrong_or_revoked_key_is_refused_alike(kb, access):
    key_id, token = new_key(kb, "dataset", dataset_ids=("ds_1",))
    prefix, live, name, secret, _checksum = token.split("_")
    other_secret = "0" * len(secret)
    body = f"{prefix}_{live}_{name}_{other_secret}"
    forged = f"{body}_{keys._checksum(body)}"
    for wrong in (None, "", " ", "x", token[:-1], token + "0", token.upper(), forged, "_" * 4):
        assert is_refused(access, wrong), wrong
    assert is_refused(access, access.admin_key + " ")
    assert is_refused(access, "kbk_live_é_ü_ß")
    assert not is_refused(access, token)
    kb.database.writing(keys.revoke, ADMIN, key_id)
    assert is_refused(access, token)


def test_the_keys_of_a_deleted_app_end_with_it(kb, access):
    app = publish(kb, "app")
    _, token = new_key(kb, "app", app_id=app.id)
    kb.database.writing(apps.remove, ADMIN, app.id)
    assert is_refused(access, token)


def test_a_stored_key_does_not_tell_its_secret(kb, access):
    _, token = new_key(kb, "dataset", dataset_ids=("ds_1",))
    secret = token.split("_")[3]
    kb.database.close()
    for path in kb.folder.root.rglob("kb.db*"):
        assert secret.encode() not in path.read_bytes()


def test_the_login_link_and_the_admin_key_open_a_session(console):
    for token in (console.login_token, KEY):
        console.check(token, "192.0.2.1")
        cookie = console.begin()
        assert console.is_open(cookie)
        assert console.csrf(cookie) != console.csrf(console.begin())


@pytest.mark.parametrize("token", ["", "x", " ", "é"])
def test_nothing_else_opens_one(console, token):
    with pytest.raises(Unauthenticated):
        console.check(token, "192.0.2.1")


def test_an_empty_admin_key_opens_nothing(kb):
    access = Access(kb.database, kb.secrets, "")
    with pytest.raises(Unauthenticated):
        access.authenticate("")
    with pytest.raises(Unauthenticated):
        access.console.check("", "192.0.2.1")


@pytest.mark.parametrize("cookie", [None, "", "x", "1.2", "1.2.3", ".", "9999999999.x."])
def test_a_made_up_session_is_refused(console, cookie):
    assert not console.is_open(cookie)


def test_a_session_that_was_changed_or_is_over_is_refused(console, monkeypatch):
    cookie = console.begin()
    assert not console.is_open(console.csrf(cookie))
    assert not console.is_open(cookie[:-1])
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + SESSION_S + 1)
    assert not console.is_open(cookie)


def test_another_admin_key_ends_every_session_and_the_old_key(kb, access):
    cookie = access.console.begin()
    rotated = Access(kb.database, kb.secrets, "another key")
    assert not rotated.console.is_open(cookie)
    assert is_refused(rotated, access.admin_key)
    assert not is_refused(rotated, "another key")


def test_a_session_outlives_a_restart_and_a_login_link_does_not(kb, console):
    cookie, ended, link = console.begin(), console.begin(), console.login_token
    console.end(ended)
    restarted = Console(kb.database, kb.secrets, KEY)
    assert restarted.is_open(cookie)
    assert not restarted.is_open(ended)
    with pytest.raises(Unauthenticated):
        restarted.check(link, "192.0.2.1")


def test_all_sessions_and_the_login_link_can_be_ended_for_good(kb, console):
    cookies, link = [console.begin(), console.begin()], console.login_token
    console.end_all()
    restarted = Console(kb.database, kb.secrets, KEY)
    for one in (console, restarted):
        assert not any(one.is_open(cookie) for cookie in cookies)
    with pytest.raises(Unauthenticated):
        console.check(link, "192.0.2.1")
    console.check(console.login_token, "192.0.2.1")


def test_a_row_does_not_tell_its_cookie(kb, console):
    cookie = console.begin()
    kb.database.close()
    for path in kb.folder.root.rglob("kb.db*"):
        assert cookie.encode() not in path.read_bytes()


@pytest.mark.one_folder
def test_a_damaged_table_of_sessions_keeps_nobody_from_signing_in_again(kb, console):
    cookie = console.begin()
    with kb.database.read() as tx:
        page = tx.execute(
            text("SELECT rootpage FROM sqlite_master WHERE name = 'sessions'")
        ).scalar_one()
        size = tx.execute(text("PRAGMA page_size")).scalar_one()
    with sqlite_file.opened(kb.folder.database) as tx:
        tx.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    with kb.folder.database.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)

    found = Console(SqliteDatabase(kb.folder.database), kb.secrets, KEY)

    assert not found.is_open(cookie)
    found.check(KEY, "192.0.2.1")


class Clock:
    """Seconds that pass when a test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def wait_of(tries: SignInTries, address: str) -> int:
    try:
        tries.admit(address)
    except RateLimited as exc:
        return exc.retry_after_s
    return 0


def wrong(tries: SignInTries, address: str) -> None:
    assert wait_of(tries, address) == 0
    tries.note(address)


def test_each_wrong_key_of_an_address_costs_twice_the_pause_of_the_one_before():
    tries = SignInTries(clock := Clock())
    for _ in range(FREE_TRIES):
        wrong(tries, "a")
    pauses = []
    for _ in range(12):
        wrong(tries, "a")
        pauses.append(wait_of(tries, "a"))
        clock.now += pauses[-1] - 0.5
        assert wait_of(tries, "a") == 1
        clock.now += 0.5
    assert pauses == [2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300]
    assert wait_of(tries, "a") == 0  # the right key is admitted after the pause
    assert wait_of(tries, "b") == 0  # and at another address at any time


def test_a_right_key_and_an_hour_clear_what_was_wrong():
    tries = SignInTries(clock := Clock())
    for address in ("a", "b"):
        for _ in range(FREE_TRIES + 1):
            wrong(tries, address)
    tries.forget("a")
    assert wait_of(tries, "a") == 0
    clock.now += 3601
    for address in ("a", "b"):
        for _ in range(FREE_TRIES + 1):
            wrong(tries, address)


def test_where_many_addresses_are_wrong_nobody_has_free_tries_and_everybody_a_first_one():
    tries = SignInTries(clock := Clock())
    for number in range(MANY_TRIES):
        wrong(tries, f"bot {number}")
    wrong(tries, "one more")
    assert wait_of(tries, "one more") == 2
    assert wait_of(tries, "operator") == 0
    clock.now += 3601
    wrong(tries, "one more")
    assert wait_of(tries, "one more") == 0
