"""Something that happens in the middle of a statement of the database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Pool, event


@contextmanager
def in_the_middle_of(statement: str, work: Callable[[], Any]) -> Iterator[list[Any]]:
    """Do some work once, while SQLite runs a statement on a connection that is opened meanwhile.

    Yields a list that holds the result of the work as soon as it is done.
    """
    results: list[Any] = []

    def watch(connection: sqlite3.Connection, _record: Any) -> None:
        running: list[str] = []

        def go_on() -> int:
            if running and not results:
                results.append("under way")
                results[0] = work()
            return 0

        connection.set_trace_callback(
            lambda text: running.append(text) if text.startswith(statement) else None
        )
        connection.set_progress_handler(go_on, 10)

    event.listen(Pool, "connect", watch)
    try:
        yield results
    finally:
        event.remove(Pool, "connect", watch)
