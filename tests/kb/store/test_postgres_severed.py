"""A Postgres that keeps its connections and says nothing: paused, or beyond a broken network."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from kb.errors import DatabaseUnavailable
from kb.store.engine.postgres import PostgresDatabase
from tests.kb.store.test_database import mark, set_mark
from tests.postgres import PostgresServer
from tests.severed import Line

pytestmark = [pytest.mark.needs("postgres"), pytest.mark.slow]


@pytest.fixture
def line(postgres: PostgresServer) -> Iterator[Line]:
    made = Line(postgres.port)
    yield made
    made.close()


@pytest.fixture
def database(line: Line, postgres: PostgresServer, postgres_url: str) -> Iterator[PostgresDatabase]:
    opened = PostgresDatabase(postgres_url.replace(str(postgres.port), str(line.port)))
    yield opened
    line.go_on()
    opened.close()


def test_a_server_that_says_nothing_any_more_is_away_and_is_used_again(
    line: Line, database: PostgresDatabase
):
    def change_while_it_is_cut_off() -> None:
        with database.write() as tx:
            set_mark(tx, "a", "2")
            line.hold()

    database.writing(set_mark, "a", "1")
    with pytest.raises(DatabaseUnavailable):
        change_while_it_is_cut_off()
    with pytest.raises(DatabaseUnavailable):
        database.reading(mark, "a")
    line.cut()
    line.go_on()
    until_reached(database)
    assert database.reading(mark, "a") == "1"
    database.writing(set_mark, "a", "3")
    assert database.open_transactions() == 0


def test_a_server_that_is_busy_is_waited_for(database: PostgresDatabase):
    assert database.reading(lambda tx: tx.exec_driver_sql("SELECT pg_sleep(20), 1").one()[1]) == 1


def until_reached(database: PostgresDatabase) -> None:
    for _ in range(300):
        try:
            database.reading(mark, "a")
            return
        except DatabaseUnavailable:
            threading.Event().wait(0.1)
    raise AssertionError("it is not used again")
