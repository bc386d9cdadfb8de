"""Which documents a filter lets through."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, func, literal, not_, or_, select

from kb.store.engine import dialect, schema, visibility
from kb.store.engine.database import Transaction
from kb.types import AnyOf, Clause, Condition, Operator, Scalar, Scope

documents = schema.documents

METADATA = "metadata."

_COLUMNS = {"name": documents.c.name, "media_type": documents.c.media_type, "id": documents.c.id}
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_NEGATED: Final[Mapping[Operator, Operator]] = {"ne": "eq", "nin": "in"}


@dataclass(frozen=True, slots=True)
class Matching:
    """The documents that a filter lets through, their chunks, and the chunks of all documents."""

    document_ids: frozenset[str]
    chunks: int
    all_chunks: int

    def holds(self, chunk_id: str) -> bool:
        """Whether a chunk belongs to one of them: its id begins with its document's."""
        return chunk_id.partition(".")[0] in self.document_ids


def matching(
    tx: Transaction, scope: Scope, dataset_ids: Sequence[str], clauses: Sequence[Clause]
) -> Matching:
    """The documents of some datasets that answer and fulfil all clauses."""
    live = and_(
        documents.c.workspace == scope.workspace,
        documents.c.dataset_id.in_(dataset_ids),
        documents.c.live_version.is_not(None),
    )
    everything = select(func.coalesce(func.sum(documents.c.chunk_count), 0)).where(live)
    wanted = (live, visibility.answers(scope), *map(fulfils, clauses))
    query = select(documents.c.id, documents.c.chunk_count).where(*wanted)
    found = {row.id: row.chunk_count for row in tx.execute(query)}
    return Matching(frozenset(found), sum(found.values()), tx.execute(everything).scalar_one())


def fulfils(clause: Clause) -> ColumnElement[bool]:
    """Whether a document fulfils a clause."""
    if isinstance(clause, AnyOf):
        return or_(*(and_(*map(fulfils, alternative)) for alternative in clause.alternatives))
    if (asserted := _NEGATED.get(clause.operator)) is None:
        return _fulfils(clause, is_negated=False)
    return _fulfils(Condition(clause.field, asserted, clause.values), is_negated=True)


def _fulfils(condition: Condition, *, is_negated: bool) -> ColumnElement[bool]:
    """Whether a document has the field, and the condition holds for its value or does not."""
    if condition.field in _COLUMNS:
        holds = _holds(condition, _COLUMNS[condition.field])
        return not_(holds) if is_negated else holds
    entry = dialect.json_entries(documents.c.metadata, "entry")
    key = condition.field.removeprefix(METADATA)
    alternatives = [
        and_(entry.c.type.in_(types), _holds(part, _value(entry, types)))
        for types, part in _by_type(condition)
    ]
    is_one = not_(or_(*alternatives)) if is_negated else or_(*alternatives)
    return exists(select(literal(1)).select_from(entry).where(entry.c.key == key, is_one))


def _value(entry: Any, types: tuple[str, ...]) -> ColumnElement[Any]:
    value: ColumnElement[Any] = entry.c.value
    return value if types == ("text",) else dialect.number_of(entry)


def _by_type(condition: Condition) -> list[tuple[tuple[str, ...], Condition]]:
    grouped: dict[tuple[str, ...], list[Scalar]] = {}
    for value in condition.values:
        grouped.setdefault(_json_types(value), []).append(value)
    return [
        (types, Condition(condition.field, condition.operator, tuple(values)))
        for types, values in grouped.items()
    ]


def _json_types(value: Scalar) -> tuple[str, ...]:
    if isinstance(value, bool):
        return ("true",) if value else ("false",)
    return ("text",) if isinstance(value, str) else ("integer", "real")


def _holds(condition: Condition, column: ColumnElement[Any]) -> ColumnElement[bool]:
    if condition.operator == "in":
        return column.in_([_plain(value) for value in condition.values])
    (value,) = condition.values
    if condition.operator == "prefix":
        return func.substr(column, 1, len(str(value))) == value
    holds: ColumnElement[bool] = _COMPARE[condition.operator](column, _plain(value))
    return holds


def _plain(value: Scalar) -> str | int | float:
    return int(value) if isinstance(value, bool) else value
