"""The store on each engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kb.store.engine.database import Database
from kb.store.engine.sqlite import SqliteDatabase


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs("postgres"))])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database, in a file and on a server."""
    if request.param == "sqlite":
        opened: Database = SqliteDatabase(tmp_path / "kb.db")
    else:
        from kb.store.engine.postgres import PostgresDatabase

        opened = PostgresDatabase(request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()
