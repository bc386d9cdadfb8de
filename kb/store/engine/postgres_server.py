"""Connections to a Postgres server: how they are set up, and what is said to it otherwise."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any
from weakref import WeakValueDictionary

import psycopg
from psycopg.adapt import Loader
from psycopg.types.string import StrDumperUnknown
from sqlalchemy import Column, Engine, Integer, create_engine, event, make_url
from sqlalchemy.dialects.postgresql.base import PGCompiler, PGTypeCompiler
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import ArgumentError, DBAPIError, TimeoutError

from kb.errors import DatabaseDamaged, DatabaseUnavailable, Rejected, StorageFull
from kb.store.engine.dialect import without_nul

WAIT_S = 120
"""For a turn to write, or for a connection."""
IDLE_S = 60
"""Inside a transaction that writes, before the server ends it."""
CONNECT_S = 10

_SESSION = f"""
SET jit = off;
SET lock_timeout = '{WAIT_S}s';
SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3;
SET tcp_user_timeout = '25s';
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') = 'off'
"""
"""Statements as short as ours are not worth compiling; a client that is gone is noticed, which may
hold a lock, also if an answer is on its way to it; and a commit is on disk."""

_BY_KEY = """;
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off;
SET join_collapse_limit = 1
"""
"""For what finds some rows by key, again and again: planning takes longer than finding, so it is
done once, and must be right for any size: by indexes, from the first table on. A plan that was made
while a table was small would else go on reading all of it."""

_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
"""The same for a server that is gone."""

_GONE = ("08", "57P", "25P03")
"""What SQLSTATE begins with where the connection is of no use any more: it was broken, the server
stops, or it was idle for too long."""

_AWAY = ("08", "53", "57P", "25P03", "40", "55P03")
"""What SQLSTATE begins with where the same work may succeed later: connections, resources, the
server's stopping, idleness, deadlocks, locks."""
_ONLY_READS = "25006"
"""The server is a standby; in a read it is a mistake of ours."""
_DAMAGED = ("XX001", "XX002")


class Opened:
    """Connections that are open. Thread-safe."""

    def __init__(self) -> None:
        self._all = WeakValueDictionary[int, psycopg.Connection[Any]]()

    def add(self, connection: psycopg.Connection[Any], _record: Any) -> None:
        """One that was just made."""
        self._all[id(connection)] = connection

    def cut(self) -> None:
        """End them under those who wait for an answer, which fails as if the server had gone."""
        for connection in filter(None, (ref() for ref in self._all.valuerefs())):
            with (
                suppress(OSError, psycopg.Error),  # it is closed
                socket.socket(fileno=os.dup(connection.fileno())) as line,
            ):
                line.shutdown(socket.SHUT_RDWR)


def engine(url: str, size: int, opened: Opened, *, by_key: bool = False) -> Engine:
    """At most so many connections to a server, which commit by themselves outside a transaction.

    Args:
        by_key: all that is asked finds rows by their keys.
    """
    try:
        address = make_url(re.sub("^postgres:", "postgresql:", url))
        address = address.set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise Rejected(
            "KB_DATABASE__URL must look like postgresql://user:password@host:5432/name."
        ) from None
    engine = create_engine(
        address,
        pool_size=size,
        max_overflow=0,
        pool_timeout=WAIT_S,
        pool_use_lifo=True,  # few connections are busy, and these have their statements prepared
        connect_args={"connect_timeout": CONNECT_S, "autocommit": True, **_KEEPALIVE},
        hide_parameters=True,  # an error that is logged must not hold a hidden prompt
        json_serializer=_json,
    )
    engine.dialect.type_compiler_instance = _Types(engine.dialect)
    engine.dialect.statement_compiler = _Statements
    event.listen(engine, "connect", opened.add, insert=True)
    session = _SESSION + _BY_KEY if by_key else _SESSION
    event.listen(engine, "connect", partial(_prepare, session))
    event.listen(engine, "handle_error", _without_values)
    return engine


def _prepare(session: str, connection: psycopg.Connection[Any], _record: Any) -> None:
    connection.adapters.register_loader("numeric", _Number)
    connection.adapters.register_dumper(str, _Text)
    connection.execute(session)


def _without_values(context: ExceptionContext) -> None:
    """The server says which row it refused: an error that is logged must not hold it."""
    error = context.original_exception
    if isinstance(error, psycopg.Error) and (state := error.sqlstate):
        is_about_a_value = state.startswith("22")
        said = None if is_about_a_value else error.diag.message_primary
        for each in filter(None, (error, context.sqlalchemy_exception)):
            each.args = (f"{type(error).__name__}: {said or state}",)
        if state.startswith(_GONE):
            context.is_disconnect = True


class _Number(Loader):
    """The sum of whole numbers is a whole number, which Postgres calls numeric."""

    def load(self, data: Any) -> Any:
        """The number."""
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdigit() else float(text)


class _Text(StrDumperUnknown):
    """The character NUL, which Postgres does not store, becomes the one for what cannot be read."""

    def dump(self, obj: str) -> Any:
        """The bytes."""
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


def _json(value: Any) -> str:
    return without_nul(json.dumps(value))


class _Types(PGTypeCompiler):
    """Whole numbers have 64 bits, and columns order texts by their bytes, as in SQLite."""

    def visit_INTEGER(self, type_: Any, **kw: Any) -> str:  # noqa: N802
        """Of columns and casts."""
        return "BIGINT"

    def visit_VARCHAR(self, type_: Any, **kw: Any) -> str:  # noqa: N802
        """Of columns and casts."""
        return self._ordered(super().visit_VARCHAR(type_, **kw), kw)

    def visit_TEXT(self, type_: Any, **kw: Any) -> str:  # noqa: N802
        """Of columns and casts."""
        return self._ordered(super().visit_TEXT(type_, **kw), kw)

    def _ordered(self, kind: str, options: Any) -> str:
        is_column = isinstance(options.get("type_expression"), Column)
        return f'{kind} COLLATE "C"' if is_column else kind


class _Statements(PGCompiler):
    """Parameters that are whole numbers are of the least type that holds them: some functions take
    none of 64 bits."""

    def render_bind_cast(self, type_: Any, dbapi_type: Any, sqltext: str) -> str:
        """The parameter, and its type where psycopg does not say it."""
        if isinstance(dbapi_type, Integer):
            return sqltext
        return str(super().render_bind_cast(type_, dbapi_type, sqltext))  # type: ignore[no-untyped-call]


@contextmanager
def reported(*, only_reads: bool = False) -> Iterator[None]:
    """Turn the server's words for its own trouble into errors that say what to do."""
    try:
        yield
    except TimeoutError as exc:
        raise DatabaseUnavailable("all connections to it are in use") from exc
    except DBAPIError as exc:
        state = getattr(exc.orig, "sqlstate", None) or ""
        if state == "53100":
            raise StorageFull(
                "The disk of the database server is full. Free some space; nothing was lost."
            ) from exc
        if state in _DAMAGED:
            raise DatabaseDamaged from exc
        is_standby = state == _ONLY_READS and not only_reads
        if is_standby or state.startswith(_AWAY) or _is_cut(exc):
            raise DatabaseUnavailable from exc
        raise


def _is_cut(exc: DBAPIError) -> bool:
    is_unconnected = isinstance(exc.orig, psycopg.OperationalError) and exc.orig.sqlstate is None
    return is_unconnected or exc.connection_invalidated
