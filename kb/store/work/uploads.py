"""Uploads that arrive in pieces: what is to become of the bytes, and until when they are kept.

The bytes lie in a file of their own, and its size is the offset: there is no second truth.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, or_, select, update

from kb.errors import Conflict
from kb.ids import new_id, now
from kb.store.content import datasets
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import one
from kb.store.engine.schema.columns import of_row
from kb.store.work import quotas
from kb.types import Scope

table = schema.uploads


@dataclass(frozen=True, slots=True)
class PartialUpload:
    """One file on its way in. With a `batch_id` it has arrived and is a document.

    Without a dataset it is a part of a file, and only its key sees it. `size_bytes` is the most
    that may come while `is_open_ended`. `expires` is in seconds since the epoch.
    """

    id: str
    dataset_id: str | None
    name: str
    size_bytes: int
    options: Mapping[str, Any]
    batch_id: str | None
    document_id: str | None
    expires: float
    key_id: str | None

    @property
    def is_open_ended(self) -> bool:
        """Whether its size is not known yet."""
        return bool(self.options.get("open_ended"))

    def is_complete(self, offset: int) -> bool:
        """Whether all bytes are there when there are `offset`."""
        return not self.is_open_ended and offset == self.size_bytes


def create(
    tx: Transaction,
    scope: Scope,
    dataset_id: str | None,
    name: str,
    *,
    size_bytes: int,
    options: Mapping[str, Any],
    expires: float,
) -> PartialUpload:
    """Expect a file.

    Raises:
        NotFound: the dataset cannot be seen.
        QuotaExceeded, RateLimited: it or the key may not take it.
    """
    if dataset_id is not None:
        datasets.get(tx, scope, dataset_id)
    made = {"id": new_id("upload"), "workspace": scope.workspace, "created_at": now()}
    announced = size_bytes
    if options.get("open_ended"):
        announced, size_bytes = 0, quotas.room(tx, dataset_id, scope.key_id, size_bytes)
    file = {"name": name, "size_bytes": size_bytes, "options": dict(options), "expires": expires}
    own = {"dataset_id": dataset_id, "key_id": scope.key_id}
    tx.execute(insert(table).values(**own, **made, **file))
    more: dict[quotas.Limit, int] = {"size_bytes": announced}
    if dataset_id is not None:
        more |= {"documents": 1, "uploads_per_day": 1}
    quotas.check(tx, dataset_id, scope.key_id, "open_uploads", *more, more=more)
    return get(tx, scope, made["id"])


def get(tx: Transaction, scope: Scope, upload_id: str) -> PartialUpload:
    """One upload. Raises NotFound when it is absent or not visible."""
    uploads = select(table).where(table.c.workspace == scope.workspace, table.c.id == upload_id)
    if scope.datasets is not None:
        own_part = (table.c.dataset_id.is_(None)) & (table.c.key_id == scope.key_id)
        uploads = uploads.where(or_(table.c.dataset_id.in_(scope.datasets), own_part))
    return of_row(PartialUpload, one(tx, uploads, "upload", upload_id))


def every(tx: Transaction) -> list[PartialUpload]:
    """All uploads, arrived or not."""
    return [of_row(PartialUpload, row) for row in tx.execute(select(table).order_by(table.c.id))]


def resize(tx: Transaction, upload: PartialUpload, size_bytes: int) -> None:
    """The size of an open-ended upload is known now. Raises QuotaExceeded."""
    more: dict[quotas.Limit, int] = {"size_bytes": size_bytes}
    quotas.check(tx, upload.dataset_id, upload.key_id, *more, more=more)
    options = {**upload.options, "open_ended": False}
    values = {"size_bytes": size_bytes, "options": options}
    tx.execute(update(table).where(table.c.id == upload.id).values(**values))


def extend(tx: Transaction, upload_id: str, expires: float) -> None:
    """Keep an upload longer: it goes on."""
    tx.execute(update(table).where(table.c.id == upload_id).values(expires=expires))


def arrived(tx: Transaction, upload_id: str, batch_id: str, document_id: str) -> None:
    """The whole file is a document now. Raises Conflict if it was made one before."""
    values = {"batch_id": batch_id, "document_id": document_id}
    unfinished = (table.c.id == upload_id) & table.c.batch_id.is_(None)
    if not tx.execute(update(table).where(unfinished).values(**values)).rowcount:
        raise Conflict(f"{upload_id} was finished by another request. Ask for its state (HEAD).")


def remove(tx: Transaction, upload_id: str) -> None:
    """Forget an upload."""
    tx.execute(delete(table).where(table.c.id == upload_id))


def remove_expired(tx: Transaction) -> set[str]:
    """Forget the uploads whose time is over; returns their ids."""
    expired = delete(table).where(table.c.expires <= dialect.now(tx)).returning(table.c.id)
    return set(tx.execute(expired).scalars())


def remove_unfinished(tx: Transaction) -> None:
    """Forget the uploads whose bytes are still on their way."""
    tx.execute(delete(table).where(table.c.document_id.is_(None)))


def of_dataset(tx: Transaction, dataset_id: str) -> list[str]:
    """The ids of the uploads into a dataset."""
    return list(tx.execute(select(table.c.id).where(table.c.dataset_id == dataset_id)).scalars())


def remove_of_dataset(tx: Transaction, dataset_id: str) -> None:
    """Forget the uploads into a dataset."""
    tx.execute(delete(table).where(table.c.dataset_id == dataset_id))
