"""What is said to databases each in its own words: SQLite and Postgres.

A construct is a function whose SQL is written when a statement is compiled. A text is ordered by
its bytes in both, and ASCII letters only are folded when case does not count.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    JSON,
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    LargeBinary,
    ScalarSelect,
    String,
    Table,
    bindparam,
    extract,
    func,
    literal,
    select,
)
from sqlalchemy import column as named
from sqlalchemy import text as sql
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import Executable
from sqlalchemy.sql.functions import FunctionElement

_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")

VARIABLES = 900
"""Values per statement, below SQLite's oldest limit of 999."""


def upsert(
    tx: Connection,
    table: Table,
    rows: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    replace: Collection[str] = (),
    add: Collection[str] = (),
) -> None:
    """Insert rows. Where one with the same primary key stands, it takes over some columns.

    Args:
        rows: one or several, all with the same columns.
        replace: columns that take the new value.
        add: columns whose new value is added to the old one.

    With neither, a row that conflicts with any unique constraint stays as it is.
    """
    if rows:
        tx.execute(_upsert(tx.dialect.name, table, tuple(replace), tuple(add)), rows)


@lru_cache(maxsize=64)
def _upsert(
    engine: str, table: Table, replace: tuple[str, ...], add: tuple[str, ...]
) -> Executable:
    """Kept, for making one takes longer than running it."""
    statement: Any = insert(table)
    if engine != "sqlite":
        from sqlalchemy.dialects import postgresql  # slow to import

        statement = postgresql.insert(table)
    if not (replace or add):
        return cast(Executable, statement.on_conflict_do_nothing())
    changed: dict[str, Any] = {name: statement.excluded[name] for name in replace}
    changed |= {name: table.c[name] + statement.excluded[name] for name in add}
    updating = statement.on_conflict_do_update(index_elements=table.primary_key, set_=changed)
    return cast(Executable, updating)


def next_number(tx: Connection, column: Column[int], *own: ColumnElement[bool]) -> int:
    """One more than the highest number, in a write transaction that runs alone."""
    highest = tx.execute(select(func.max(column)).where(*own)).scalar_one()
    return 1 if highest is None else int(highest) + 1


def last_number(tx: Connection, table: Table) -> int:
    """The highest id that a numbered table is known to have given out; its row may be gone."""
    (column,) = table.primary_key
    if tx.dialect.name == "sqlite":
        given = tx.execute(
            sql("SELECT seq FROM sqlite_sequence WHERE name = :n"), {"n": table.name}
        )
    else:
        given = tx.execute(select(func.pg_sequence_last_value(_sequence(column))))
    return max(given.scalar() or 0, next_number(tx, column) - 1)


def go_on_numbering(tx: Connection, table: Table, last: int) -> None:
    """Give new rows ids beyond `last`. A file remembers that of ids that must not come back."""
    (column,) = table.primary_key
    if tx.dialect.name != "sqlite":
        tx.execute(select(func.setval(_sequence(column), max(last, 1), last > 0)))
    elif table.dialect_options["sqlite"]["autoincrement"]:
        tx.execute(sql("DELETE FROM sqlite_sequence WHERE name = :n"), {"n": table.name})
        put = sql("INSERT INTO sqlite_sequence (name, seq) VALUES (:n, :last)")
        tx.execute(put, {"n": table.name, "last": last})


def _sequence(column: Column[Any]) -> ColumnElement[Any]:
    return func.to_regclass(func.pg_get_serial_sequence(column.table.name, column.name))


def without_nul(text: str) -> str:
    """A JSON text without the character NUL, which Postgres does not store."""
    return _NUL.sub(r"\1\\ufffd", text) if "\\u0000" in text else text


def now(tx: Connection) -> float:
    """The database's clock, which all processes share, in seconds since 1970."""
    if tx.dialect.name == "sqlite":
        return time.time()
    return float(tx.execute(select(extract("epoch", func.clock_timestamp()))).scalar_one())


def writes_alone(tx: Connection) -> bool:
    """Whether no other transaction writes meanwhile, whatever kind this one is."""
    return tx.dialect.name == "sqlite"


def among(
    column: ColumnElement[Any],
    values: Iterable[str | int] | BindParameter[Any] | ScalarSelect[Any],
) -> ColumnElement[bool]:
    """Whether a column has one of any number of values: one statement for all of them.

    Args:
        values: texts or numbers, or a parameter of type JSON that will hold a list of them, or a
            query that gives a few, which may depend on a row of another table.
    """
    is_said = isinstance(values, BindParameter | ScalarSelect)
    return _IsAmong(column, values if is_said else literal(list(values), JSON))


def among_bytes(column: ColumnElement[bytes], name: str) -> ColumnElement[bool]:
    """Whether a column has one of the values of a parameter, at most `VARIABLES`.

    Postgres gets them as one array: with a parameter for each it would plan each number anew.
    """
    return _IsAmongBytes(column, bindparam(name, expanding=True))


def json_items(column: Column[Any], name: str) -> Any:
    """The texts of a JSON list as a table with the column `value`."""
    return _Items(column).table_valued(named("value", String), name=name)


def json_entries(column: Column[Any], name: str) -> Any:
    """The entries of a JSON object as a table with the columns `key`, `value` and `type`.

    Types are `true`, `false`, `text`, `integer`, `real`; which of the last two a number has is the
    engine's affair. The value is a text, if the type says so; `number_of` gives all others.
    """
    return _Entries(column).table_valued(
        named("key", String), named("value", String), named("type", String), name=name
    )


def number_of(entry: Any) -> ColumnElement[Any]:
    """The value of an entry that is a number, or 1 or 0 if it is true or false."""
    return _Number(entry.c.value, entry.c.type)


def holds(column: ColumnElement[Any], piece: bytes) -> ColumnElement[bool]:
    """Whether bytes stand somewhere in a value, whatever its type is."""
    return _Holds(column, literal(piece, LargeBinary))


class _IsAmong(FunctionElement[Any]):
    """A condition without a type: one of type Boolean is compared with 1 by SQLite, which then
    reads the whole table and asks no index."""

    inherit_cache = True


class _IsAmongBytes(FunctionElement[bool]):
    inherit_cache = True


class _Items(FunctionElement[Any]):
    inherit_cache = True


class _Entries(FunctionElement[Any]):
    inherit_cache = True


class _Number(FunctionElement[Any]):
    inherit_cache = True


class _Holds(FunctionElement[Any]):
    inherit_cache = True


def _parts(element: FunctionElement[Any], compiler: Any, options: Any) -> list[str]:
    return [compiler.process(each, **options) for each in element.clauses]


@compiles(_IsAmong)
def _(element: Any, compiler: Any, **options: Any) -> str:
    column, values = _parts(element, compiler, options)
    items = values if _is_query(element) else f"(SELECT value FROM json_each({values}))"
    return f"({column} IN {items})"


@compiles(_IsAmong, "postgresql")
def _(element: Any, compiler: Any, **options: Any) -> str:  # an array lets it use an index
    column, values = _parts(element, compiler, options)
    kind = compiler.dialect.type_compiler_instance.process(next(iter(element.clauses)).type)
    items = f"(SELECT CAST(item AS {kind}) FROM json_array_elements_text({values}) AS item)"
    return f"({column} = ANY (ARRAY{values if _is_query(element) else items}))"


def _is_query(element: _IsAmong) -> bool:
    return isinstance(list(element.clauses)[1], ScalarSelect)


@compiles(_IsAmongBytes)
def _(element: Any, compiler: Any, **options: Any) -> str:
    column, values = element.clauses
    return str(compiler.process(column.in_(values), **options))


@compiles(_IsAmongBytes, "postgresql")
def _(element: Any, compiler: Any, **options: Any) -> str:
    column, values = element.clauses
    array = bindparam(values.key, type_=ARRAY(LargeBinary))
    found = (compiler.process(each, **options) for each in (column, array))
    return "({} = ANY ({}))".format(*found)


@compiles(_Items)
@compiles(_Entries)
def _(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_each({_parts(element, compiler, options)[0]})"


@compiles(_Items, "postgresql")
def _(element: Any, compiler: Any, **options: Any) -> str:
    (column,) = _parts(element, compiler, options)
    listed = f"CASE json_typeof({column}) WHEN 'array' THEN {column} END"
    items = f"json_array_elements_text({listed}) AS item"
    return f'LATERAL (SELECT item COLLATE "C" AS value FROM {items})'


@compiles(_Entries, "postgresql")
def _(element: Any, compiler: Any, **options: Any) -> str:
    (column,) = _parts(element, compiler, options)
    entries = f"json_each(CASE json_typeof({column}) WHEN 'object' THEN {column} END) AS entry"
    kind = (
        "CASE json_typeof(entry.value) WHEN 'string' THEN 'text' WHEN 'number' THEN 'real' "
        "ELSE CAST(entry.value AS TEXT) END"
    )
    text = "(entry.value #>> '{}')"
    return (
        f'LATERAL (SELECT entry.key COLLATE "C" AS key, {text} COLLATE "C" AS value, '
        f"{kind} AS type FROM {entries})"
    )


@compiles(_Number)
def _(element: Any, compiler: Any, **options: Any) -> str:
    return _parts(element, compiler, options)[0]


@compiles(_Number, "postgresql")
def _(element: Any, compiler: Any, **options: Any) -> str:
    value, kind = _parts(element, compiler, options)
    number = f"CAST({value} AS DOUBLE PRECISION)"
    return f"(CASE {kind} WHEN 'real' THEN {number} WHEN 'true' THEN 1 WHEN 'false' THEN 0 END)"


@compiles(_Holds)
def _(element: Any, compiler: Any, **options: Any) -> str:
    column, piece = _parts(element, compiler, options)
    return f"(instr(CAST({column} AS BLOB), {piece}) > 0)"


@compiles(_Holds, "postgresql")
def _(element: Any, compiler: Any, **options: Any) -> str:
    column, piece = _parts(element, compiler, options)
    if not isinstance(next(iter(element.clauses)).type, LargeBinary):
        column = f"convert_to(CAST({column} AS TEXT), 'UTF8')"
    return f"(position({piece} IN {column}) > 0)"
