"""Between rows and the frozen types. A stored form is what `asdict` makes of a type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from functools import lru_cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, Select, Table, select

from kb.errors import NotFound
from kb.types import AppContent, Failure, Scope, Span
from kb.types.search import with_new_names

T = TypeVar("T")


def of_row(kind: type[T], row: Row[Any], **others: Any) -> T:
    """A type from the columns that are called like its fields.

    Args:
        others: fields whose columns are called otherwise, or hold another form.
    """
    columns = row._mapping
    names = (field.name for field in fields(cast(Any, kind)))
    return kind(**{name: columns[name] for name in names if name not in others}, **others)


def one(tx: Connection, query: Select[Any], kind: str, name: str) -> Row[Any]:
    """The only row of a query. Raises NotFound, with the kind and name of what was asked for."""
    row = tx.execute(query).one_or_none()
    if row is None:
        raise NotFound(kind, name)
    return row


def of_datasets(scope: Scope, table: Table) -> Select[Any]:
    """The rows of a table that belong to a workspace and datasets that a scope may see."""
    query = select(table).where(table.c.workspace == scope.workspace)
    return query if scope.datasets is None else query.where(table.c.dataset_id.in_(scope.datasets))


def stored(kind: type[T], value: Any) -> T:
    """A type from its stored form; what it has no field for is passed over."""
    return cast(T, _adapter(cast(Any, kind)).validate_python(value))


def content_from(value: Mapping[str, Any]) -> AppContent:
    """An app's draft or version, also one whose retrieval options had other names."""
    variants = {name: _with_new_names(value[name]) for name in ("base", "tuned")}
    return stored(AppContent, {**value, **variants})


def failure_from(value: Mapping[str, Any] | None) -> Failure | None:
    """A stored failure, if there is one."""
    return None if value is None else Failure(**value)


def failure_to(value: Failure | None) -> dict[str, Any] | None:
    """The stored form of a failure, if there is one."""
    return None if value is None else asdict(value)


def spans_from(value: list[list[int]]) -> tuple[Span, ...]:
    """Spans stored as [page, start, end] triples."""
    return tuple(Span(*triple) for triple in value)


def spans_to(value: tuple[Span, ...]) -> list[list[int]]:
    """The stored form of spans."""
    return [[span.page, span.start, span.end] for span in value]


def _with_new_names(variant: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if not variant or not variant.get("retrieval"):
        return variant
    return {**variant, "retrieval": with_new_names(variant["retrieval"])}


@lru_cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
