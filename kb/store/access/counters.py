"""What the processes of a cluster count together, and whose turn it is: rows, the database's clock.

A row without an owner belongs to all. Of what a process has open each has a row of its own, so that
it can be told from what a dead one had.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from sqlalchemy import case, delete, func, select, update

from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction

table = schema.counters
turns = schema.turns

ALL = ""


def spend(tx: Transaction, name: str, cost_s: float, most_s: float) -> float:
    """Spend some of what flows in steadily, a second's worth a second, up to `most_s`.

    Returns:
        For how many seconds to wait, 0 if it is spent.

    Source:
        ITU-T I.371, the generic cell rate algorithm: a bucket as one moment, when it is full again.
    """
    now = dialect.now(tx)
    full_at = case((table.c.value > now, table.c.value), else_=now)
    own = table.c.name == name, table.c.owner == ALL
    enough = table.c.value <= now + most_s - cost_s
    spending = update(table).where(*own, enough).values(value=full_at + cost_s, at=now)
    if tx.execute(spending).rowcount:
        return 0.0
    dialect.upsert(tx, table, {"name": name, "owner": ALL, "value": 0.0, "at": now})
    if tx.execute(spending).rowcount:
        return 0.0
    found = tx.execute(select(table.c.value).where(*own)).scalar_one()
    return float(found - (now + most_s - cost_s))


def open_one(tx: Transaction, name: str, owner: str) -> int:
    """Count one more; returns how many all processes have. Others wait until the transaction ends:
    two must not both be the last one."""
    now = dialect.now(tx)
    row = {"name": name, "at": now}
    dialect.upsert(tx, table, {**row, "owner": ALL, "value": 0.0}, replace=["at"])
    dialect.upsert(tx, table, {**row, "owner": owner, "value": 1.0}, replace=["at"], add=["value"])
    return _open(tx, name)


def close_one(tx: Transaction, name: str, owner: str) -> None:
    """Count one less."""
    own = table.c.name == name, table.c.owner == owner, table.c.value > 0
    tx.execute(update(table).where(*own).values(value=table.c.value - 1))


def without_dead(tx: Transaction, name: str, living: Collection[str]) -> int:
    """Forget what dead processes had open; returns how many the others have."""
    dead = table.c.owner.not_in([ALL, *living])
    tx.execute(delete(table).where(table.c.name == name, dead))
    return _open(tx, name)


def note(tx: Transaction, kind: str, name: str, forget_s: float) -> None:
    """Count something that happened; what is older is forgotten."""
    now = dialect.now(tx)
    tx.execute(delete(table).where(table.c.name.startswith(kind), table.c.at < now - forget_s))
    row = {"name": kind + name, "owner": ALL, "value": 1.0, "at": now}
    dialect.upsert(tx, table, row, replace=["at"], add=["value"])


def noted(tx: Transaction, kind: str, name: str, forget_s: float) -> tuple[int, float, int]:
    """How often it has happened, seconds since the last time, and how often with any name."""
    now = dialect.now(tx)
    recent = select(table).where(table.c.name.startswith(kind), table.c.at >= now - forget_s)
    rows = {row.name: row for row in tx.execute(recent)}
    own = rows.get(kind + name)
    count, ago_s = (int(own.value), now - own.at) if own else (0, 0.0)
    return count, ago_s, int(sum(row.value for row in rows.values()))


def forget(tx: Transaction, name: str) -> None:
    """Count anew."""
    tx.execute(delete(table).where(table.c.name == name))


def put_end(tx: Transaction, name: str, seconds: float | None) -> None:
    """Note that something lasts for some seconds more; None if it has ended."""
    if seconds is None:
        forget(tx, name)
        return
    now = dialect.now(tx)
    row = {"name": name, "owner": ALL, "value": now + seconds, "at": now}
    dialect.upsert(tx, table, row, replace=["value", "at"])


def ends(tx: Transaction, kind: str) -> dict[str, float]:
    """Names of a kind, and for how many seconds more each lasts."""
    now = dialect.now(tx)
    rows = tx.execute(select(table).where(table.c.name.startswith(kind)))
    return {row.name.removeprefix(kind): row.value - now for row in rows}


def take_turn(
    tx: Transaction, name: str, owner: str, living: Callable[[], Collection[str]]
) -> bool:
    """Whether it is a process's turn now; that of a dead one is anybody's."""
    dialect.upsert(tx, turns, {"name": name, "owner": owner})
    whose = select(turns.c.owner).where(turns.c.name == name)
    holder = tx.execute(whose).scalar()
    if holder in (None, owner) or holder in living():
        return holder == owner
    dead = update(turns).where(turns.c.name == name, turns.c.owner == holder)
    return bool(tx.execute(dead.values(owner=owner)).rowcount)


def give_back_turn(tx: Transaction, name: str, owner: str) -> None:
    """It is the next one's turn."""
    tx.execute(delete(turns).where(turns.c.name == name, turns.c.owner == owner))


def _open(tx: Transaction, name: str) -> int:
    query = select(func.sum(table.c.value)).where(table.c.name == name)
    return int(tx.execute(query).scalar() or 0)
