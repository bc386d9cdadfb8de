"""Access keys: shown once, stored as a keyed hash, found by the id that they carry."""

from __future__ import annotations

import hmac
import secrets
import zlib
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, insert, select, update

from kb.errors import NotFound
from kb.ids import new_id, now
from kb.store import schema
from kb.store.database import Transaction
from kb.store.paging import Listing, PageRequest, listing
from kb.store.secrets import Secrets
from kb.types import DEFAULT_WORKSPACE, Key, KeyKind, Scope

table = schema.keys

PREFIX = "kbk_live"


def create(
    tx: Transaction,
    scope: Scope,
    vault: Secrets,
    *,
    kind: KeyKind,
    name: str = "",
    dataset_ids: Iterable[str] = (),
    app_id: str | None = None,
) -> tuple[Key, str]:
    """Make a key; the text `kbk_live_<id>_<secret>_<checksum>` is returned this once."""
    key_id = new_id("key").removeprefix("key_")
    token = f"{PREFIX}_{key_id}_{secrets.token_hex(24)}"
    token = f"{token}_{_checksum(token)}"
    key = Key(key_id, kind, name, tuple(dataset_ids), app_id, now(), None)
    tx.execute(
        insert(table).values(
            id=key.id,
            workspace=scope.workspace,
            kind=kind,
            name=name,
            digest=vault.digest(token),
            dataset_ids=list(key.dataset_ids),
            app_id=app_id,
            created_at=key.created_at,
        )
    )
    return key, token


def authenticate(tx: Transaction, vault: Secrets, token: str) -> Key | None:
    """The key behind a token; None if it is malformed, unknown, wrong or revoked."""
    parts = token.split("_")
    if len(parts) != 5 or f"{parts[0]}_{parts[1]}" != PREFIX:
        return None
    if _checksum(token.rpartition("_")[0]) != parts[4]:
        return None
    row = tx.execute(select(table).where(table.c.id == parts[2])).one_or_none()
    if row is None or not hmac.compare_digest(row.digest, vault.digest(token)):
        return None
    return None if row.revoked_at else _key(row)


def page(
    tx: Transaction, scope: Scope, request: PageRequest, *, app_id: str | None = None
) -> Listing[Key]:
    """Keys without their secrets, oldest first; those of one app if it is named."""
    query = select(table).where(table.c.workspace == scope.workspace)
    if app_id is not None:
        query = query.where(table.c.app_id == app_id)
    return listing(tx, query, table.c.id, request, _key)


def revoke(tx: Transaction, scope: Scope, key_id: str) -> None:
    """End a key. Raises NotFound when there is no such key or it has ended before."""
    result = tx.execute(
        update(table)
        .where(table.c.id == key_id, table.c.workspace == scope.workspace)
        .where(table.c.revoked_at.is_(None))
        .values(revoked_at=now())
    )
    if result.rowcount == 0:
        raise NotFound("key", key_id)


def scope_of(key: Key) -> Scope:
    """What a key may touch."""
    if key.kind == "admin":
        return Scope.admin()
    if key.kind == "dataset":
        return Scope(
            frozenset({"ingest", "search"}),
            datasets=frozenset(key.dataset_ids),
            apps=frozenset(),
            key_id=key.id,
            workspace=DEFAULT_WORKSPACE,
        )
    return Scope(
        frozenset({"chat"}),
        datasets=frozenset(),
        apps=frozenset({key.app_id} if key.app_id else set()),
        key_id=key.id,
        workspace=DEFAULT_WORKSPACE,
    )


def _checksum(text: str) -> str:
    return f"{zlib.crc32(text.encode()):08x}"


def _key(row: Row[Any]) -> Key:
    return Key(
        id=row.id,
        kind=row.kind,
        name=row.name,
        dataset_ids=tuple(row.dataset_ids),
        app_id=row.app_id,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )
