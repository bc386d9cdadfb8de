"""Carrying all rows from one database to another: a file, or a server.

Tables go one after the other in the order of their keys, so what was broken off goes on where the
target ends. Both databases hold a mark meanwhile: that of the target keeps processes from starting
on it, and that of the source is gone as soon as one has worked on it, for then rows that are
carried already may have changed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import JSON, Column, Table, Text, cast, delete, func, select, tuple_, type_coerce
from sqlalchemy import text as sql
from sqlalchemy.types import TypeDecorator

from kb.errors import Conflict, Rejected
from kb.store.content import index_ops
from kb.store.engine import dialect, schema
from kb.store.engine.database import CLEAN_STOP, Database, Transaction, note
from kb.store.upkeep import checks
from kb.store.work import processes, uploads

COMING, GOING = "move_coming", "move_going"
ROWS_AT_ONCE = 200

_OWN_MARKS = (COMING, GOING, CLEAN_STOP, index_ops.SEALS)
"""What is said of the place where the rows are, and not of them; so are whole tables."""
_OF_PLACE = {
    schema.alembic_version, schema.marks, schema.index_copies, schema.processes,
    schema.runs, schema.run_events, schema.counters, schema.turns,
}  # fmt: skip
_TABLES = [table for table in schema.metadata.sorted_tables if table not in _OF_PLACE]
_NUMBERED = [table for table in _TABLES if any(each.identity is not None for each in table.c)]

Say = Callable[[str, int, int], None]
"""Told a table, how many of its rows are carried, and how many there are."""


def work_begins(tx: Transaction) -> None:
    """Call before anything is done with rows. Raises Rejected if they are here in part."""
    if _mark(tx, COMING):
        raise Rejected(
            "Rows are being moved into this database and not all are here. Run `kb move` again, "
            "with the same two places: it goes on where it stopped."
        )
    _unmark(tx, GOING)


def begin(source: Database, target: Database) -> None:
    """Mark both. What stands in the target is of the same move, or goes.

    Raises:
        Conflict: rows stand in the target that are not of a move, or processes work on one of them.
        Rejected: the source itself holds only a part.
    """
    for each in (source, target):
        if number := len(each.reading(processes.living)):
            raise Conflict(f"{number} processes work on the database. Stop all, and move then.")
    with source.write() as tx:
        if _mark(tx, COMING):
            raise Rejected("The source holds only a part of what was to be moved into it.")
        if (token := _mark(tx, GOING)) is None:
            token = secrets.token_hex(8)
            note(tx, GOING, token)
    with target.write() as tx:
        present = _mark(tx, COMING)
        if present is None and any(_counts(tx).values()):
            raise Conflict("The target is not empty. Move into a new database or folder.")
        if present != token:
            for table in reversed(_TABLES):
                tx.execute(delete(table))
            note(tx, COMING, token)


def carry(source: Database, target: Database, say: Say) -> int:
    """Copy the rows that the target lacks; returns how many there are now.

    Raises:
        Rejected: both sides do not have as many rows in each table.
    """
    for table in _TABLES:
        _carry_table(source, target, table, say)
    there, here = source.reading(_counts), target.reading(_counts)
    if wrong := [name for name, count in there.items() if here[name] != count]:
        raise Rejected(f"Not as many rows are in the target as in the source: {', '.join(wrong)}.")
    return sum(here.values())


def finish(source: Database, target: Database) -> list[str]:
    """Let processes start on the target; returns what is wrong with its rows, as with those of the
    source.

    Raises:
        Rejected: something is wrong with the rows of the target that was right in the source.
    """
    wrong = source.reading(_violations)
    if new := [each for each in target.reading(_violations) if each not in wrong]:
        raise Rejected(f"The rows in the target are not as they were: {'; '.join(new[:5])}")
    with source.read() as there:
        marks = {row.name: row.value for row in there.execute(select(schema.marks))}
        numbers = {table: dialect.last_number(there, table) for table in _NUMBERED}
    with target.write() as tx:
        tx.execute(delete(schema.marks))
        for name in marks.keys() - _OWN_MARKS:
            note(tx, name, marks[name])
        note(tx, CLEAN_STOP, "no")  # its indexes are to be made
        uploads.remove_unfinished(tx)  # their bytes are not here
        for table, last in numbers.items():
            dialect.go_on_numbering(tx, table, last)
    source.writing(_unmark, GOING)
    return wrong


def _carry_table(source: Database, target: Database, table: Table, say: Say) -> None:
    keys = list(table.primary_key)
    with target.read() as tx:
        carried = tx.execute(select(func.count()).select_from(table)).scalar_one()
        newest = select(*keys).order_by(*(key.desc() for key in keys)).limit(1)
        last: Sequence[Any] | None = tx.execute(newest).first()
    whole = source.reading(_count, table)
    query = select(*map(_as_stored, table.c)).order_by(*keys).limit(ROWS_AT_ONCE)
    while True:
        part = query if last is None else query.where(tuple_(*keys) > tuple_(*last))
        with source.read() as tx:
            rows = [dict(row._mapping) for row in tx.execute(part)]
        if not rows:
            return
        target.writing(_put, table, rows)
        last = tuple(rows[-1][key.name] for key in keys)
        carried += len(rows)
        say(table.name, carried, whole)


def _as_stored(column: Column[Any]) -> Any:
    """A value past the types of ours, which would leave out what they do not know."""
    kind = _plain(column)
    stored = cast(column, Text) if isinstance(kind, JSON) else type_coerce(column, kind)
    return stored.label(column.name)


def _put(tx: Transaction, table: Table, rows: list[dict[str, Any]]) -> None:
    quote = tx.dialect.identifier_preparer.quote
    for column in (each for each in table.c if isinstance(_plain(each), JSON)):
        for row in rows:
            row[column.name] = row[column.name] and dialect.without_nul(row[column.name])
    names = ", ".join(quote(name) for name in rows[0])
    values = ", ".join(f":{name}" for name in rows[0])  # without types: JSON is a text here
    tx.execute(sql(f"INSERT INTO {quote(table.name)} ({names}) VALUES ({values})"), rows)


def _plain(column: Column[Any]) -> Any:
    kind = column.type
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def _counts(tx: Transaction) -> dict[str, int]:
    return {table.name: _count(tx, table) for table in _TABLES}


def _count(tx: Transaction, table: Table) -> int:
    return tx.execute(select(func.count()).select_from(table)).scalar_one()


def _violations(tx: Transaction) -> list[str]:
    return [detail for check in checks.CHECKS.values() for _, detail in check(tx)]


def _mark(tx: Transaction, name: str) -> str | None:
    query = select(schema.marks.c.value).where(schema.marks.c.name == name)
    return tx.execute(query).scalar_one_or_none()


def _unmark(tx: Transaction, name: str) -> None:
    tx.execute(delete(schema.marks).where(schema.marks.c.name == name))
