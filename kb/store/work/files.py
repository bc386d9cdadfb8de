"""Stored files: what a key keeps under an id, and may make documents of in any dataset.

A key sees its own files only, an admin's sees all. The bytes lie among the originals, by their
hash, and are shared with the documents that are made of them.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from functools import partial
from typing import Any

from sqlalchemy import Select, delete, insert, or_, select

from kb.errors import Conflict, NotFound
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing, of_datasets, one
from kb.store.engine.schema.columns import of_row, to_row
from kb.store.work import quotas
from kb.types import Document, Scope, StoredFile

table = schema.files
documents = schema.documents
versions = schema.training_set_versions


def add(tx: Transaction, scope: Scope, file: StoredFile) -> None:
    """Keep a file whose bytes are there. Raises QuotaExceeded."""
    tx.execute(insert(table).values(workspace=scope.workspace, **to_row(file)))
    quotas.check(tx, None, file.key_id, "size_bytes")


def get(tx: Transaction, scope: Scope, file_id: str) -> StoredFile:
    """One file. Raises NotFound when it is absent, expired or another key's."""
    return of_row(StoredFile, one(tx, _own(scope).where(table.c.id == file_id), "file", file_id))


def of_ids(tx: Transaction, scope: Scope, file_ids: Collection[str]) -> list[StoredFile]:
    """Some files, in the order given. Raises NotFound where one cannot be seen."""
    rows = tx.execute(_own(scope).where(dialect.among(table.c.id, file_ids)))
    found = {row.id: of_row(StoredFile, row) for row in rows}
    for file_id in file_ids:
        if file_id not in found:
            raise NotFound("file", file_id)
    return [found[file_id] for file_id in file_ids]


def page(
    tx: Transaction,
    scope: Scope,
    request: PageRequest,
    *,
    purpose: str | None,
    newest_first: bool,
) -> Listing[StoredFile]:
    """A part of the files, of one purpose if that is given."""
    query = _own(scope) if purpose is None else _own(scope).where(table.c.purpose == purpose)
    make = partial(of_row, StoredFile)
    return listing(tx, query, table.c.id, request, make, newest_first=newest_first)


def documents_of(tx: Transaction, scope: Scope, file_id: str) -> list[Document]:
    """The documents made of a file, in the datasets that may be seen."""
    query = of_datasets(scope, documents).where(documents.c.file_id == file_id)
    return [of_row(Document, row) for row in tx.execute(query)]


def remove(tx: Transaction, file_id: str) -> None:
    """Forget a file; its bytes go when nothing else rests on them.

    Raises Conflict while it is a version of a training set, which never changes.
    """
    used = select(versions.c.set_id).where(versions.c.file_id == file_id)
    if (set_id := tx.execute(used).scalar()) is not None:
        raise Conflict(f"The file is a version of the training set {set_id}. Delete that first.")
    tx.execute(delete(table).where(table.c.id == file_id))


def expired(tx: Transaction) -> list[StoredFile]:
    """The files whose time is over."""
    rows = tx.execute(select(table).where(table.c.expires <= dialect.now(tx)))
    return [of_row(StoredFile, row) for row in rows]


def _own(scope: Scope) -> Select[Any]:
    lasts = or_(table.c.expires.is_(None), table.c.expires > time.time())
    query = select(table).where(table.c.workspace == scope.workspace, lasts)
    return query if scope.may("admin") else query.where(table.c.key_id == scope.key_id)
