"""What keys and datasets may keep, and bring in a day (UTC), and what they do.

All of it is counted from the rows themselves, inside the transaction that adds some: so uploads at
one moment cannot pass a limit together. Indexes cover it: counting 100,000 documents of as many
uploads takes 50 ms, only where something is limited.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Literal

from sqlalchemy import ColumnElement, Table, and_, case, func, select

from kb.errors import QuotaExceeded, RateLimited
from kb.ids import midnight, now, rfc3339, seconds_to_midnight
from kb.store.engine import schema
from kb.store.engine.database import Transaction
from kb.types import Quota

Owner = Literal["dataset", "key"]
Limit = Literal["size_bytes", "documents", "uploads_per_day", "open_uploads"]

KEPT: tuple[Limit, ...] = ("size_bytes", "documents")

RETRY_S = 60
"""When to come back for an open upload: somebody has to finish one first."""

_WORDS: Mapping[Limit, tuple[str, str]] = {
    "size_bytes": ("keep {} bytes of files", "Delete documents"),
    "documents": ("keep {} documents", "Delete some"),
    "uploads_per_day": ("bring {} uploads a day", "Go on at midnight UTC"),
    "open_uploads": ("have {} resumable uploads open", "Finish or delete one"),
}


def used(tx: Transaction, owner: Owner, owner_id: str) -> Quota:
    """What a key or dataset keeps and has brought in today."""
    column = f"{owner}_id"
    documents, versions = schema.documents, schema.document_versions
    own = documents.c[column] == owner_id
    is_there = case((_brought(owner), documents.c.size_bytes), else_=0)
    size, count = tx.execute(select(func.sum(is_there), func.count()).where(own)).one()
    of_own = select(1).where(documents.c.id == versions.c.document_id, own).exists()
    old_size = tx.execute(select(func.sum(versions.c.size_bytes)).where(of_own)).scalar()
    today = (schema.batches.c[column] == owner_id, schema.batches.c.created_at >= now()[:10])
    uploads = schema.uploads.c
    is_open = (uploads.batch_id.is_(None), uploads.expires > time.time())
    counts = (
        select(func.count()).select_from(schema.batches).where(*today),
        select(func.count()).where(uploads[column] == owner_id, *is_open),
    )
    if owner == "key":
        of_files = select(func.sum(schema.files.c.size_bytes)).where(
            schema.files.c.key_id == owner_id
        )
        size = (size or 0) + (tx.execute(of_files).scalar() or 0)
    return Quota((size or 0) + (old_size or 0), count, *(tx.execute(q).scalar() for q in counts))


def check(
    tx: Transaction,
    dataset_id: str | None,
    key_id: str | None,
    *limits: Limit,
    more: Mapping[Limit, int] | None = None,
) -> None:
    """Whether what is there now is allowed; call it when the rows are written, before they count.

    Args:
        more: what is announced and not there yet.

    Raises:
        QuotaExceeded: the dataset or key would keep too much.
        RateLimited: it would bring too many uploads in a day, or have too many open.
    """
    for owner, owner_id, quota in _quotas(tx, dataset_id, key_id):
        limited = {
            name: allowed for name in limits if (allowed := getattr(quota, name)) is not None
        }
        have = asdict(used(tx, owner, owner_id)) if limited else {}
        for name, allowed in limited.items():
            if (would := have[name] + (more or {}).get(name, 0)) > allowed:
                raise _exceeded(owner, name, allowed, would)


def room(tx: Transaction, dataset_id: str | None, key_id: str | None, most: int) -> int:
    """How many bytes more may be kept, at most so many."""
    for owner, owner_id, quota in _quotas(tx, dataset_id, key_id):
        if quota.size_bytes is not None:
            most = min(most, max(0, quota.size_bytes - (used(tx, owner, owner_id).size_bytes or 0)))
    return most


def key_of(tx: Transaction, document_id: str) -> str | None:
    """The key that brought a document; None for the operator."""
    query = select(schema.documents.c.key_id).where(schema.documents.c.id == document_id)
    return tx.execute(query).scalar()


def _brought(owner: Owner) -> ColumnElement[bool]:
    """Whether a document's bytes are counted; those of a stored file are, for its key, with it."""
    documents = schema.documents
    is_there = documents.c.sha256 != ""
    return is_there if owner == "dataset" else and_(is_there, documents.c.file_id.is_(None))


def _quotas(
    tx: Transaction, dataset_id: str | None, key_id: str | None
) -> Iterator[tuple[Owner, str, Quota]]:
    owners: tuple[tuple[Owner, str | None, Table], ...] = (
        ("dataset", dataset_id, schema.datasets),
        ("key", key_id, schema.keys),
    )
    for owner, owner_id, table in owners:
        found = tx.execute(select(table.c.quota).where(table.c.id == owner_id)).scalar()
        if owner_id and found:
            yield owner, owner_id, found


def _exceeded(owner: Owner, name: Limit, allowed: int, would: int) -> QuotaExceeded | RateLimited:
    may, remedy = _WORDS[name]
    detail = (
        f"This {owner} may {may.format(allowed)}; with this upload it would be {would}. {remedy}, "
        f"or have the quota of the {owner} raised."
    )
    said = {"of": owner, "limit": name, "allowed": allowed, "used": would}
    if name in KEPT:
        return QuotaExceeded(detail, {"quota": {**said, "resets_at": None}})
    is_daily = name == "uploads_per_day"
    resets_at = rfc3339(midnight()) if is_daily else None
    wait_s = seconds_to_midnight() if is_daily else RETRY_S
    return RateLimited(detail, wait_s, {"quota": {**said, "resets_at": resets_at}})
