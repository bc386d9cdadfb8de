"""Between rows and the frozen types: `schema.columns` says how a field is stored."""

from __future__ import annotations

from dataclasses import fields
from functools import lru_cache
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, Row, Select, Table, select

from kb.errors import NotFound
from kb.store.engine.schema.columns import has_default
from kb.types import Scope

T = TypeVar("T")


def of_row(kind: type[T], row: Row[*tuple[Any, ...]], **others: Any) -> T:
    """A type from the columns that are called like its fields; of one that is null, the default.

    Args:
        others: fields whose columns are called otherwise.
    """
    columns = row._mapping
    values = {
        name: columns[name]
        for name, is_needed in _fields(cast(Any, kind))
        if name in columns and (is_needed or columns[name] is not None)
    }
    return kind(**{**values, **others})


def to_row(value: Any) -> dict[str, Any]:
    """What the columns hold that are called like a type's fields."""
    return {name: getattr(value, name) for name, _ in _fields(cast(Any, type(value)))}


def one(tx: Connection, query: Select[Any], kind: str, name: str) -> Row[Any]:
    """The only row of a query. Raises NotFound, with the kind and name of what was asked for."""
    row = tx.execute(query).one_or_none()
    if row is None:
        raise NotFound(kind, name)
    return row


def of_datasets(scope: Scope, table: Table) -> Select[Any]:
    """The datasets that a scope may see, or the rows of another table that belong to them."""
    query = select(table).where(table.c.workspace == scope.workspace)
    dataset = table.c.dataset_id if "dataset_id" in table.c else table.c.id
    return query if scope.datasets is None else query.where(dataset.in_(scope.datasets))


@lru_cache
def _fields(kind: Any) -> tuple[tuple[str, bool], ...]:
    """The names of a type's fields, and whether each needs a value."""
    return tuple((field.name, not has_default(field)) for field in fields(kind))
