"""A few named facts about the data folder itself."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.sqlite import insert

from kb.store.engine import schema
from kb.store.engine.database import Transaction

table = schema.marks

CLEAN = "clean_stop"
"""Whether the last process closed the folder: "yes" or "no"; absent in a new folder."""


def mark(tx: Transaction, name: str) -> str | None:
    """The value of a mark, None if it was never set."""
    found: str | None = tx.execute(
        select(table.c.value).where(table.c.name == name)
    ).scalar_one_or_none()
    return found


def set_mark(tx: Transaction, name: str, value: str) -> None:
    """Set a mark."""
    statement = insert(table).values(name=name, value=value)
    tx.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))
