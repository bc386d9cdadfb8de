"""Which node of a cluster has a copy of which keyword index, and how far it has come.

A copy is current if it has applied whatever was finished without it. Rows are written by two sides:
the node counts up `applied_seq`, and who finishes operations sets `missed_seq` in the transaction
that makes their documents live. So whoever reads a current row after that has these documents.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select, update

from kb.protocols import IndexKey
from kb.store.engine import schema
from kb.store.engine.database import Transaction, notify_after

table = schema.index_copies

NEW = {"applied_seq": -1, "missed_seq": 0, "renewed": 0, "renewals": 0}
"""A copy that is yet to be made is late."""


@dataclass(frozen=True, slots=True)
class IndexCopy:
    """A node's copy. What was removed is still in its files while `renewed < renewals`."""

    key: IndexKey
    applied_seq: int
    missed_seq: int
    renewed: int
    renewals: int

    @property
    def is_current(self) -> bool:
        """Whether it may answer."""
        return self.applied_seq >= self.missed_seq

    @property
    def is_stained(self) -> bool:
        """Whether its files are to be made anew."""
        return self.renewed < self.renewals


def of_node(tx: Transaction, node: str) -> dict[IndexKey, IndexCopy]:
    """All copies of a node."""
    rows = tx.execute(select(table).where(table.c.node == node))
    found = [
        IndexCopy(
            IndexKey(row.dataset_id, row.generation),
            row.applied_seq,
            row.missed_seq,
            row.renewed,
            row.renewals,
        )
        for row in rows
    ]
    return {copy.key: copy for copy in found}


def is_current(tx: Transaction, node: str, key: IndexKey) -> bool:
    """Whether a node's copy has all that was finished before this snapshot."""
    return tx.execute(_CURRENT, {"of": node, **_values(key)}).first() is not None


def begin(tx: Transaction, node: str, key: IndexKey) -> None:
    """A node is about to make a copy."""
    tx.execute(insert(table).values(node=node, **_columns(key), **NEW))


def advance(tx: Transaction, node: str, key: IndexKey, seq: int) -> None:
    """A node has applied the operations up to a number."""
    tx.execute(_of(node, key).values(applied_seq=seq))
    notify_after(tx, "copied")


def note_renewed(tx: Transaction, node: str, copy: IndexCopy) -> None:
    """The files hold nothing that was removed before the copy was looked at."""
    tx.execute(_of(node, copy.key).values(renewed=copy.renewals))
    notify_after(tx, "copied")


def leave(tx: Transaction, nodes: Collection[str], key: IndexKey | None = None) -> None:
    """Nodes have no copy any more, of one index or of any."""
    own = delete(table).where(table.c.node.in_(nodes))
    tx.execute(own if key is None else own.where(*_is_of(key)))


def reached(tx: Transaction, key: IndexKey, seq: int) -> dict[str, bool]:
    """Node → whether it has applied an operation; those whose copy is late are left out."""
    query = select(table.c.node, table.c.applied_seq).where(
        *_is_of(key), table.c.applied_seq >= table.c.missed_seq
    )
    return {row.node: row.applied_seq >= seq for row in tx.execute(query)}


def pass_by(tx: Transaction, key: IndexKey, seq: int) -> None:
    """Operations up to a number are finished: copies that have not applied them are late."""
    late = update(table).where(*_is_of(key), table.c.applied_seq < seq)
    if tx.execute(late.values(missed_seq=seq)).rowcount:
        notify_after(tx, "copy")


def renew(tx: Transaction, key: IndexKey) -> None:
    """Ask all nodes to make their files of an index anew."""
    tx.execute(update(table).where(*_is_of(key)).values(renewals=table.c.renewals + 1))
    notify_after(tx, "copy")


def stained(tx: Transaction, key: IndexKey) -> set[str]:
    """The nodes that have yet to make their files anew."""
    query = select(table.c.node).where(*_is_of(key), table.c.renewed < table.c.renewals)
    return set(tx.execute(query).scalars())


def _columns(key: IndexKey) -> dict[str, str | int]:
    return {"dataset_id": key.dataset_id, "generation": key.generation}


def _values(key: IndexKey) -> dict[str, str | int]:
    return {"dataset": key.dataset_id, "number": key.generation}


def _is_of(key: IndexKey):  # type: ignore[no-untyped-def]
    return table.c.dataset_id == key.dataset_id, table.c.generation == key.generation


def _of(node: str, key: IndexKey):  # type: ignore[no-untyped-def]
    return update(table).where(table.c.node == node, *_is_of(key))


_CURRENT = select(table.c.node).where(
    table.c.node == bindparam("of"),
    table.c.dataset_id == bindparam("dataset"),
    table.c.generation == bindparam("number"),
    table.c.applied_seq >= table.c.missed_seq,
)
"""Made once: every search asks it."""
