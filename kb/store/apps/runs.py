"""Runs as the processes of a cluster see each other's: who writes which, and what is written.

A row of events holds one batch of a run, from number `seq` on, and batches follow without a gap.
The terminal event stands in the run's own row, is written once by whoever comes first, and says up
to which number events count: what a process that was taken for dead still adds is read by nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, or_, select, tuple_, update

from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.schema.columns import of_row, to_row

table = schema.runs
events = schema.run_events

JUST_ENDED_S = 5.0
SOURCES = '["Sources"'
"""In a batch that tells the passages which an answer rests on."""
READ_AT_ONCE = 400
"""Places of two values each in one statement."""


@dataclass(frozen=True, slots=True)
class RunRow:
    """What is written of a run besides its events.

    Attributes:
        unfinished: `kb.chat.run.run_log.Unfinished` as JSON.
        kept: how many events come before the terminal one, None while it goes on.
        ended_at: 0 also while it goes on, if it is to be forgotten as soon as it has ended.
        last: the number of the terminal event.
    """

    run_id: str
    owner: str
    key_id: str | None
    external_id: str | None
    expected_tokens: int
    unfinished: str
    followed_until: float = 0.0
    stop: str | None = None
    kept: int | None = None
    last: int | None = None
    terminal: str | None = None
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Some events of a run as JSON, the first of which has the number `seq`."""

    run_id: str
    seq: int
    count: int
    events: str


def begin(tx: Transaction, row: RunRow) -> None:
    """A run is about to begin."""
    tx.execute(table.insert(), to_row(row))


def write_down(tx: Transaction, batches: Sequence[Batch]) -> None:
    """Keep events; what is there already stays."""
    dialect.upsert(tx, events, [to_row(batch) for batch in batches])


def written(tx: Transaction, run_ids: Collection[str]) -> dict[str, int]:
    """How many events of each run are kept."""
    upto = func.max(events.c.seq + events.c.count) - 1
    query = select(events.c.run_id, upto).where(dialect.among(events.c.run_id, run_ids))
    counts = {row.run_id: row[1] for row in tx.execute(query.group_by(events.c.run_id))}
    return {run_id: counts.get(run_id, 0) for run_id in run_ids}


def asked(tx: Transaction, owner: str) -> list[tuple[str, str | None, float]]:
    """Runs of a process that are to stop, or are read elsewhere: id, reason, for how many more
    seconds they will be read."""
    now = dialect.now(tx)
    rows = tx.execute(_ASKED, {"owner": owner, "now": now})
    return [(row.run_id, row.stop, row.followed_until - now) for row in rows]


def follow(tx: Transaction, run_ids: Collection[str], seconds: float) -> None:
    """Somebody reads these runs; their processes shall not end them for want of readers."""
    own = update(table).where(dialect.among(table.c.run_id, run_ids))
    tx.execute(own.values(followed_until=dialect.now(tx) + seconds))


def ask_to_stop(tx: Transaction, run_id: str, reason: str) -> None:
    """Ask the process of a run to end it; the first reason counts."""
    own = update(table).where(table.c.run_id == run_id)
    tx.execute(own.values(stop=func.coalesce(table.c.stop, reason)))


def end(tx: Transaction, run_id: str, kept: int, last: int, terminal: str) -> bool:
    """Write the terminal event of a run; False if it has one."""
    values: dict[str, Any] = {"kept": kept, "last": last, "terminal": terminal}
    values["ended_at"] = func.coalesce(table.c.ended_at, dialect.now(tx))
    own = update(table).where(table.c.run_id == run_id, table.c.terminal.is_(None))
    return bool(tx.execute(own.values(**values)).rowcount)


def get(tx: Transaction, run_id: str) -> RunRow | None:
    """A run, None if it is unknown or forgotten."""
    return next(iter(several(tx, [run_id])), None)


def several(tx: Transaction, run_ids: Collection[str]) -> list[RunRow]:
    """Those of some runs that are known."""
    rows = tx.execute(select(table).where(dialect.among(table.c.run_id, run_ids)))
    return [of_row(RunRow, row) for row in rows]


def under(tx: Transaction, external_id: str, but_of: str) -> list[str]:
    """The runs of other processes in a client's chat that go on or have just ended."""
    since = dialect.now(tx) - JUST_ENDED_S
    goes_on = or_(table.c.terminal.is_(None), table.c.ended_at > since)
    own = table.c.external_id == external_id, table.c.owner != but_of
    return list(tx.execute(select(table.c.run_id).where(*own, goes_on)).scalars())


def expected_tokens(tx: Transaction, key_id: str, but_of: str) -> int:
    """What the unfinished answers of other processes to a key will likely use."""
    own = table.c.key_id == key_id, table.c.owner != but_of, table.c.terminal.is_(None)
    return int(tx.execute(select(func.sum(table.c.expected_tokens)).where(*own)).scalar() or 0)


def left(tx: Transaction, living: Collection[str]) -> list[str]:
    """The runs that go on although their process is dead."""
    rows = tx.execute(select(table.c.run_id, table.c.owner).where(table.c.terminal.is_(None)))
    return [row.run_id for row in rows if row.owner not in living]


def batches(tx: Transaction, run_id: str) -> list[Batch]:
    """All events of a run."""
    query = select(events).where(events.c.run_id == run_id).order_by(events.c.seq)
    return [of_row(Batch, row) for row in tx.execute(query)]


def next_batches(tx: Transaction, read: Mapping[str, int]) -> list[Batch]:
    """The batch that comes next in each run, if it is there.

    Args:
        read: how many events of each run are known.
    """
    places = [(run_id, count + 1) for run_id, count in read.items()]
    found: list[Row[*tuple[object, ...]]] = []
    for start in range(0, len(places), READ_AT_ONCE):
        found += tx.execute(_NEXT, {"places": places[start : start + READ_AT_ONCE]})
    return [of_row(Batch, row) for row in found]


def forget(tx: Transaction, seconds: float) -> None:
    """Delete what ended so long ago."""
    is_old = table.c.ended_at < dialect.now(tx) - seconds
    old = select(table.c.run_id).where(is_old, table.c.terminal.is_not(None))
    if gone := list(tx.execute(old).scalars()):
        remove(tx, gone)


def forget_soon(tx: Transaction, run_ids: Collection[str]) -> None:
    """What runs told is deleted elsewhere: they are forgotten once they have ended.

    Not here, because their process may still be writing down the last of their events.
    """
    tx.execute(update(table).where(dialect.among(table.c.run_id, run_ids)).values(ended_at=0.0))


def remove(tx: Transaction, run_ids: Iterable[str]) -> None:
    """Delete runs with their events."""
    gone = list(run_ids)
    for each in (events, table):
        tx.execute(delete(each).where(dialect.among(each.c.run_id, gone)))


_ASKED = select(table.c.run_id, table.c.stop, table.c.followed_until).where(
    table.c.owner == bindparam("owner"),
    table.c.terminal.is_(None),
    or_(table.c.stop.is_not(None), table.c.followed_until > bindparam("now")),
)
_NEXT = select(events).where(
    tuple_(events.c.run_id, events.c.seq).in_(bindparam("places", expanding=True))
)
"""Made once: making a statement takes longer than running it."""
