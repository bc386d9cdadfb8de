"""A real Postgres server for tests: Debian's packages, a folder of its own, one per test process.

`needs("postgres")` marks the tests that use it. Each gets a database of its own, copied from one
that holds the schema.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

START_S = 60
TEMPLATE = "migrated"

SETTINGS: tuple[str, ...] = (
    "fsync=off",  # a killed server loses nothing by it, only a machine without power
    "full_page_writes=off",
    "max_connections=300",
    "shared_buffers=32MB",
    "log_error_verbosity=terse",
)


class PostgresServer:
    """A running server on a free port of 127.0.0.1, and its databases."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "postgres.log"
        self._user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        self._data = folder / "data"
        with closing(socket.create_server(("127.0.0.1", 0))) as taken:
            self.port: int = taken.getsockname()[1]
        if os.getuid() == 0:
            shutil.chown(folder, self._user)
        self.is_new = not self._data.exists()
        initdb = ["initdb", "--no-sync", "--auth=trust", "--username=kb", "--encoding=UTF8"]
        if self.is_new:
            self._run([*initdb, "--locale=C.UTF-8", "--pgdata", self._data])
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        import psycopg  # here: pure tests start at once

        settings = (*SETTINGS, f"port={self.port}", f"unix_socket_directories={self._data}")
        options = [part for each in settings for part in ("-c", each)]
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._as_user(["postgres", "-D", self._data, *options]),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
                return
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError(self.log.read_text()) from None
                time.sleep(0.02)

    def stop(self, *, kindly: bool = False) -> None:
        """Stop it as `pg_ctl stop -m immediate` does, like a crash, or as `-m fast` does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT if kindly else signal.SIGQUIT)
            self._process.wait(timeout=START_S)
            self._process = None

    def processes(self) -> list[int]:
        """Its processes that run now, one for each connection among them."""
        assert self._process is not None
        own, found = str(self._process.pid), [self._process.pid]
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):  # it has ended
                if stat.read_text().rpartition(")")[2].split()[1] == own:
                    found.append(int(stat.parent.name))
        return found

    def url(self, database: str) -> str:
        """The address of one of its databases, as it stands in KB_DATABASE__URL."""
        return f"postgresql://kb@127.0.0.1:{self.port}/{database}"

    def create(self, name: str, template: str = "template1") -> str:
        """Make a database and return its address."""
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database, also from under those who use it."""
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def run(self, statement: str) -> None:
        """Run one statement as the owner of the server, in its own transaction or none."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The address of a database that goes at the end of the block."""
        name = f"test_{secrets.token_hex(6)}"
        try:
            yield self.create(name, template)
        finally:
            self.drop(name)

    def _as_user(self, command: list[str | Path]) -> list[str | Path]:
        """The server refuses to run as root; it ends with the process that started it."""
        others = [f"--reuid={self._user}", f"--regid={self._user}", "--clear-groups"]
        return ["setpriv", "--pdeathsig=INT", *(others if os.getuid() == 0 else ()), *command]

    def _run(self, command: list[str | Path]) -> None:
        subprocess.run(self._as_user(command), check=True, capture_output=True)


@contextmanager
def started_postgres(kept: Path | None = None) -> Iterator[PostgresServer]:
    """A server with a template that holds the schema; it ends with the block, and so do its rows,
    unless they are kept in a folder."""
    with ExitStack() as stack:
        name = tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True)
        server = PostgresServer(kept or Path(stack.enter_context(name)))
        stack.callback(server.stop, kindly=True)
        if server.is_new:
            _make_schema(server.create(TEMPLATE))
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The server of this test process."""
    with started_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The address of a database of this test, with the schema."""
    with postgres.database(TEMPLATE) as url:
        yield url


def _make_schema(url: str) -> None:
    from kb.store.engine.postgres import PostgresDatabase

    PostgresDatabase(url).close()
