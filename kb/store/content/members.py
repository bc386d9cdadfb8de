"""The documents of a dataset as files of a vector store: their states, and by the ids of files.

A document that was not made of a stored file goes by its own id.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import Literal

from sqlalchemy import ColumnElement, and_, func, not_, or_, select

from kb.store.content import datasets
from kb.store.engine import schema, visibility
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing, of_datasets, one
from kb.store.engine.schema.columns import of_row
from kb.types import Document, Scope

table = schema.documents
items = schema.batch_items

State = Literal["in_progress", "completed", "failed", "cancelled"]

_IS_CANCELLED = and_(table.c.status == "failed", table.c.error["code"].as_string() == "cancelled")
_STATES: Mapping[State, ColumnElement[bool]] = {
    "in_progress": table.c.status.in_(("pending", "indexing")),
    "completed": table.c.status == "ready",
    "failed": and_(table.c.status == "failed", not_(_IS_CANCELLED)),
    "cancelled": _IS_CANCELLED,
}
_SHOWN_ID = func.coalesce(table.c.file_id, table.c.id)


def page(
    tx: Transaction,
    scope: Scope,
    dataset_id: str,
    request: PageRequest,
    *,
    newest_first: bool,
    state: State | None = None,
    batch_id: str | None = None,
) -> Listing[Document]:
    """A part of a dataset's documents, of one batch or in one state if that is given."""
    datasets.get(tx, scope, dataset_id)
    query = of_datasets(scope, table).where(*_own(dataset_id, batch_id))
    if state is not None:
        query = query.where(_STATES[state])
    make = partial(of_row, Document)
    return listing(tx, query, _SHOWN_ID, request, make, newest_first=newest_first)


def get(tx: Transaction, scope: Scope, dataset_id: str, file_id: str) -> Document:
    """The document of a file. Raises NotFound."""
    datasets.get(tx, scope, dataset_id)
    is_meant = or_(
        table.c.file_id == file_id, and_(table.c.id == file_id, table.c.file_id.is_(None))
    )
    query = of_datasets(scope, table).where(*_own(dataset_id, None), is_meant)
    return of_row(Document, one(tx, query, "file", file_id))


def counts(
    tx: Transaction, scope: Scope, dataset_id: str, batch_id: str | None = None
) -> tuple[dict[str, int], int]:
    """State → number of documents, with their `total`, and their bytes."""
    numbers = [func.count().filter(where).label(state) for state, where in _STATES.items()]
    size = func.coalesce(func.sum(table.c.size_bytes), 0)
    query = select(*numbers, func.count().label("total"), size.label("size"))
    own = (*_own(dataset_id, batch_id), visibility.is_seen(scope))
    row = tx.execute(query.where(*own)).one()._asdict()
    return row, row.pop("size")


def name_of_file(name: str, file_id: str | None) -> str:
    """The name that a document's file was stored under."""
    return name.replace(f" ({file_id})", "") if file_id else name


def with_file_id(name: str, file_id: str) -> str:
    """The name of a file's document where another document has the file's own."""
    path = PurePosixPath(name)
    return path.with_name(f"{path.stem} ({file_id}){path.suffix}").as_posix()


def _own(dataset_id: str, batch_id: str | None) -> list[ColumnElement[bool]]:
    of_batch = select(items.c.document_id).where(items.c.batch_id == batch_id)
    own = [table.c.dataset_id == dataset_id]
    return own if batch_id is None else [*own, table.c.id.in_(of_batch)]
