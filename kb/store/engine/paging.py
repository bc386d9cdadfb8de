"""What a query gives: a page of a list, or the one row that was asked for.

Ids sort by creation, so the last id of a page is the cursor to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Row, Select, Table, func, select

from kb.errors import NotFound
from kb.store.engine import schema, visibility
from kb.store.engine.database import Transaction
from kb.types import Scope

T = TypeVar("T")

MAX_LIMIT = 500


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list is asked for: at most `limit` items after `cursor`.

    With a `number` it is the page of that number, from 1, and all items are counted.
    """

    limit: int = 50
    cursor: str | None = None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """A part of a list; `next` is the cursor of the rest, None at the end.

    `total` counts all items, where a page was asked for by its number.
    """

    data: tuple[T, ...]
    next: str | None
    total: int | None = None


def listing(
    transaction: Transaction,
    query: Select[Any],
    by: ColumnElement[Any],
    request: PageRequest,
    make: Callable[[Row[Any]], T],
    *,
    newest_first: bool = False,
) -> Listing[T]:
    """Run a query for one page, ordered by a unique column that is also the cursor."""
    limit = min(max(request.limit, 1), MAX_LIMIT)
    if request.cursor is not None:
        cursor = by.type.python_type(request.cursor)
        query = query.where(by < cursor if newest_first else by > cursor)
    total = None
    if request.number is not None:
        total = transaction.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        query = query.offset((request.number - 1) * limit)
    query = query.order_by(by.desc() if newest_first else by)
    rows = list(transaction.execute(query.limit(limit + 1).add_columns(by.label("_by"))))
    more = len(rows) > limit
    rows = rows[:limit]
    return Listing(tuple(make(row) for row in rows), str(rows[-1]._by) if more else None, total)


def one(tx: Transaction, query: Select[Any], kind: str, name: str) -> Row[Any]:
    """The only row of a query. Raises NotFound, with the kind and name of what was asked for."""
    row = tx.execute(query).one_or_none()
    if row is None:
        raise NotFound(kind, name)
    return row


def of_datasets(scope: Scope, table: Table) -> Select[Any]:
    """The datasets that a scope may see, or the rows of another table that belong to them.

    Of documents only those whose labels the scope carries.
    """
    query = select(table).where(table.c.workspace == scope.workspace)
    if table is schema.documents and scope.labels is not None:
        query = query.where(visibility.is_seen(scope))
    dataset = table.c.dataset_id if "dataset_id" in table.c else table.c.id
    return query if scope.datasets is None else query.where(dataset.in_(scope.datasets))
