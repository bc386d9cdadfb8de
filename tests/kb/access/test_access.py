"""Who may come in: keys of every kind, the operator's key, login links and sessions."""

from __future__ import annotations

import time

import pytest

from kb.access import SESSION_S, Access
from kb.errors import NotFound, Unauthenticated
from kb.knowledge_base import KnowledgeBase
from kb.store.access import keys
from kb.store.apps import apps
from kb.types import KeyKind
from tests.parts import ADMIN, publish


@pytest.fixture
def access(kb: KnowledgeBase) -> Access:
    return kb.access


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


def test_the_login_link_and_the_admin_key_sign_in(access):
    for token in (access.login_token(), access.admin_key):
        cookie = access.sign_in(token)
        assert access.session(cookie).kind == "admin"
        assert access.csrf(cookie) != access.csrf(access.sign_in(token))


@pytest.mark.parametrize("token", ["", "x", " ", "é"])
def test_nothing_else_signs_in(access, token):
    with pytest.raises(Unauthenticated):
        access.sign_in(token)


def test_an_empty_admin_key_opens_nothing(kb):
    access = Access(kb.database, kb.secrets, "")
    for enter in (access.sign_in, access.authenticate):
        with pytest.raises(Unauthenticated):
            enter("")


@pytest.mark.parametrize("cookie", [None, "", "x", "1.2", "1.2.3", ".", "9999999999.x."])
def test_a_made_up_session_is_refused(access, cookie):
    with pytest.raises(Unauthenticated):
        access.session(cookie)


def test_a_session_that_was_changed_or_is_over_is_refused(access, monkeypatch):
    cookie = access.sign_in(access.admin_key)
    expires, nonce, signature = cookie.split(".")
    later = f"{int(expires) + 1}.{nonce}.{signature}"
    csrf_as_session = f"{expires}.{nonce}.{access.csrf(f'{expires}.{nonce}')}"
    for wrong in (later, csrf_as_session, cookie[:-1]):
        with pytest.raises(Unauthenticated):
            access.session(wrong)
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + SESSION_S + 1)
    with pytest.raises(Unauthenticated):
        access.session(cookie)


def test_another_admin_key_ends_every_session_and_the_old_key(kb, access):
    cookie = access.sign_in(access.admin_key)
    rotated = Access(kb.database, kb.secrets, "another key")
    with pytest.raises(Unauthenticated):
        rotated.session(cookie)
    assert is_refused(rotated, access.admin_key)
    assert not is_refused(rotated, "another key")


def test_a_session_outlives_a_restart_and_a_login_link_does_not(kb, access):
    cookie, link = access.sign_in(access.admin_key), access.login_token()
    restarted = Access(kb.database, kb.secrets, access.admin_key)
    assert restarted.session(cookie).kind == "admin"
    with pytest.raises(Unauthenticated):
        restarted.sign_in(link)
