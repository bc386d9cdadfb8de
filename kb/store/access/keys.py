"""Access keys: shown once, stored as a keyed hash, found by the id that they carry.

Those of widgets stand in links and pages anyway: they are kept sealed as well, and shown again.
"""

from __future__ import annotations

import hmac
import secrets
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Row, insert, select, update

from kb.errors import Conflict, NotFound, Rejected
from kb.ids import new_id, now, rfc3339
from kb.store.access.secrets import Secrets
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing, one
from kb.store.engine.schema.columns import of_row, to_row
from kb.types import DEFAULT_WORKSPACE, AppAccess, Key, KeyKind, Limits, Quota, Scope

table = schema.keys

PREFIX = "kbk_live"

NOBODY = ""
"""The end user whom no conversation belongs to."""


@dataclass(frozen=True, slots=True)
class Credential:
    """The secret that somebody came with, as its keyed hash; None stands for whichever secret.

    A secret also ends by rotation, its key only by revocation and expiry.
    """

    key_id: str
    digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class VerifiedKey:
    """A good key, the secret it was used with, and what its app says about all its keys.

    `digests` are those of every secret that is good for it now: two after a rotation with grace.
    """

    key: Key
    credential: Credential
    digests: tuple[bytes, ...]
    of_app: AppAccess


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a new key is to be."""

    kind: KeyKind
    name: str = ""
    dataset_ids: tuple[str, ...] = ()
    app_id: str | None = None
    origins: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    expires_at: str | None = None
    quota: Quota = field(default_factory=Quota)
    labels: tuple[str, ...] = ()


def create(tx: Transaction, scope: Scope, vault: Secrets, new: NewKey) -> tuple[Key, str]:
    """Make a key; the text `kbk_live_<id>_<secret>_<checksum>` is returned this once."""
    key_id = new_id("key").removeprefix("key_")
    token = _new_token(key_id)
    made = {"id": key_id, "workspace": scope.workspace, "created_at": now()}
    secret = _secret(vault, token, new.kind)
    tx.execute(insert(table).values(**secret, **made, **to_row(new)))
    return get(tx, scope, key_id), token


def authenticate(tx: Transaction, vault: Secrets, token: str) -> VerifiedKey | None:
    """The key behind a token; None if it is malformed, unknown, wrong, expired or revoked."""
    parts = token.split("_")
    if len(parts) != 5 or f"{parts[0]}_{parts[1]}" != PREFIX:
        return None
    if _checksum(token.rpartition("_")[0]) != parts[4]:
        return None
    row = tx.execute(select(table).where(table.c.id == parts[2])).one_or_none()
    digest, moment = vault.digest(token), now()
    if row is None or not _opens(row, digest, moment):
        return None
    of_app = AppAccess() if row.app_id is None else access_of_app(tx, row.app_id)
    return VerifiedKey(_key(row), Credential(row.id, digest), _good(row, moment), of_app)


def get(tx: Transaction, scope: Scope, key_id: str) -> Key:
    """One key. Raises NotFound."""
    return _key(_row(tx, scope, key_id))


def page(
    tx: Transaction, scope: Scope, request: PageRequest, *, app_id: str | None = None
) -> Listing[Key]:
    """Keys without their secrets, oldest first; those of one app if it is named."""
    query = select(table).where(table.c.workspace == scope.workspace)
    if app_id is not None:
        query = query.where(table.c.app_id == app_id)
    return listing(tx, query, table.c.id, request, _key)


def rotate(
    tx: Transaction, scope: Scope, vault: Secrets, key_id: str, *, grace_s: int
) -> tuple[Key, str]:
    """Give a key a new secret; the old one is good for `grace_s` seconds more.

    Raises:
        NotFound: there is no such key, or it has ended.
    """
    row = _row(tx, scope, key_id)
    if _is_over(row, now()):
        raise NotFound("key", key_id)
    token = _new_token(key_id)
    until = datetime.now(UTC) + timedelta(seconds=grace_s)
    values = {
        **_secret(vault, token, row.kind),
        "previous_digest": row.digest if grace_s else None,
        "previous_until": rfc3339(until) if grace_s else None,
    }
    tx.execute(update(table).where(table.c.id == key_id).values(**values))
    return get(tx, scope, key_id), token


def reveal(tx: Transaction, scope: Scope, vault: Secrets, key_id: str) -> str:
    """The text of a widget key, which stands in links and in pages and is kept sealed.

    Raises:
        NotFound: there is no such key, or it has ended.
        Conflict: the text is not kept: the key is of another kind, or older than the keeping.
    """
    row = _row(tx, scope, key_id)
    if _is_over(row, now()):
        raise NotFound("key", key_id)
    token = None if row.sealed is None else vault.unseal(row.sealed)
    if token is None:
        raise Conflict(
            "The text of this key is not kept: only that of newer links and websites is. "
            f"`POST /v1/keys/{key_id}/rotate` gives the key a new text."
        )
    return token


def change(tx: Transaction, scope: Scope, key_id: str, given: Mapping[str, Any]) -> Key:
    """Put other `limits`, `quota` or `labels` of a key. Raises NotFound, Rejected."""
    if get(tx, scope, key_id).kind == "admin" and given.get("labels"):
        raise Rejected("A key of kind 'admin' sees all documents and has no `labels`.")
    values = {name: value for name, value in given.items() if value is not None}
    if values:
        tx.execute(update(table).where(table.c.id == key_id).values(**values))
    return get(tx, scope, key_id)


def revoke(tx: Transaction, scope: Scope, key_id: str) -> None:
    """End a key. Raises NotFound when there is no such key or it has ended before."""
    result = tx.execute(
        update(table)
        .where(table.c.id == key_id, table.c.workspace == scope.workspace)
        .where(table.c.revoked_at.is_(None))
        .values(revoked_at=now(), sealed=None)
    )
    if result.rowcount == 0:
        raise NotFound("key", key_id)


def invalid(tx: Transaction, credentials: Iterable[Credential]) -> set[Credential]:
    """Those of the credentials that are good no more: revoked, expired or rotated away."""
    asked = set(credentials)
    query = select(table).where(dialect.among(table.c.id, {item.key_id for item in asked}))
    rows = {row.id: row for row in tx.execute(query)}
    moment = now()
    return {
        item
        for item in asked
        if (row := rows.get(item.key_id)) is None
        or _is_over(row, moment)
        or not (item.digest is None or _opens(row, item.digest, moment))
    }


def widget_origins(tx: Transaction) -> frozenset[str]:
    """Every origin that some living widget key may be used from."""
    query = select(table).where(table.c.kind == "widget", table.c.revoked_at.is_(None))
    moment, found = now(), set[str]()
    for row in tx.execute(query).all():
        if not _is_over(row, moment):
            found.update(row.origins or access_of_app(tx, row.app_id).origins)
    return frozenset(found)


def access_of_app(tx: Transaction, app_id: str) -> AppAccess:
    """The access rules of an app; none at all until some are put."""
    row = tx.execute(
        select(schema.app_access).where(schema.app_access.c.app_id == app_id)
    ).one_or_none()
    return AppAccess() if row is None else of_row(AppAccess, row)


def set_access_of_app(tx: Transaction, app_id: str, access: AppAccess) -> None:
    """Replace the access rules of an app; they count from the next request on."""
    values = to_row(access)
    dialect.upsert(tx, schema.app_access, {"app_id": app_id, **values}, replace=values)


def scope_of(key: Key) -> Scope:
    """What a key may touch; that of a widget has no conversations and labels until a user has."""
    if key.kind == "admin":
        return replace(Scope.admin(), key_id=key.id)
    if key.kind == "dataset":
        return Scope(
            frozenset({"ingest", "search"}),
            datasets=frozenset(key.dataset_ids),
            apps=frozenset(),
            key_id=key.id,
            workspace=DEFAULT_WORKSPACE,
            labels=frozenset(key.labels),
        )
    return Scope(
        frozenset({"metrics" if key.kind == "metrics" else "chat"}),
        datasets=frozenset(),
        apps=frozenset({key.app_id} if key.app_id else set()),
        end_user=NOBODY if key.is_public else None,
        key_id=key.id,
        workspace=DEFAULT_WORKSPACE,
        labels=frozenset(() if key.is_public else key.labels),
    )


def bringer(tx: Transaction, key_id: str | None) -> Scope:
    """The operator's scope for storing later what a key has brought, with the labels of the key."""
    row = tx.execute(select(table).where(table.c.id == key_id)).one_or_none()
    labels = None if row is None else scope_of(_key(row)).labels
    return replace(Scope.admin(), key_id=key_id, labels=labels)


def _row(tx: Transaction, scope: Scope, key_id: str) -> Row[Any]:
    own = select(table).where(table.c.id == key_id, table.c.workspace == scope.workspace)
    return one(tx, own, "key", key_id)


def _opens(row: Row[Any], digest: bytes, moment: str) -> bool:
    good = [hmac.compare_digest(one, digest) for one in _good(row, moment)]
    return any(good) and not _is_over(row, moment)


def _good(row: Row[Any], moment: str) -> tuple[bytes, ...]:
    """The digests of the key's secret, and of the one before while that is good."""
    has_two = row.previous_digest is not None and row.previous_until > moment
    return (row.digest, row.previous_digest) if has_two else (row.digest,)


def _is_over(row: Row[Any], moment: str) -> bool:
    return row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= moment)


def _secret(vault: Secrets, token: str, kind: KeyKind) -> dict[str, bytes | None]:
    return {
        "digest": vault.digest(token),
        "sealed": vault.seal(token) if kind == "widget" else None,
    }


def _new_token(key_id: str) -> str:
    token = f"{PREFIX}_{key_id}_{secrets.token_hex(24)}"
    return f"{token}_{_checksum(token)}"


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


_key = partial(of_row, Key)
