"""What the derived indexes have yet to do, written in the transaction that made it necessary.

`add` makes a document version searchable, `fill` takes a version that answers already into another
generation, `remove` forgets one, `drop` removes a whole index.
Chunk ids follow from the operation, so the chunks' rows may be gone when a `remove` is applied.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, delete, func, insert, select

from kb.protocols import IndexKey, IndexName
from kb.store.content import texts
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction, notify_after
from kb.store.engine.schema.columns import of_row

table = schema.index_ops

SEALS = "index_seals"

OpKind = Literal["add", "fill", "remove", "drop"]


@dataclass(frozen=True, slots=True)
class IndexOp:
    """One step for the applier."""

    seq: int
    kind: OpKind
    dataset_id: str
    generation: int
    document_id: str | None = None
    version: int | None = None
    chunk_count: int = 0
    texts: tuple[str, ...] = ()

    def chunk_ids(self) -> list[str]:
        """The ids of the chunks concerned."""
        prefix = chunk_prefix(self.document_id or "", self.version or 0, self.generation)
        return [f"{prefix}.{index}" for index in range(self.chunk_count)]


def chunk_prefix(document_id: str, version: int, generation: int) -> str:
    """Chunk ids are this prefix, a dot and the chunk's index: the same input, the same ids."""
    return f"{document_id}.{version}.{generation}"


def add(
    tx: Transaction,
    kind: OpKind,
    dataset_id: str,
    generation: int,
    *,
    document_id: str | None = None,
    version: int | None = None,
    chunk_count: int = 0,
) -> None:
    """Queue a step. A `remove` notes the texts of the chunks, so it comes before their rows go."""
    gone = b""
    if kind == "remove" and document_id is not None and version is not None:
        gone = texts.of_version(tx, document_id, version, generation)
    tx.execute(
        insert(table).values(
            kind=kind,
            dataset_id=dataset_id,
            generation=generation,
            document_id=document_id,
            version=version,
            chunk_count=chunk_count,
            texts=gone,
        )
    )
    notify_after(tx, "apply")


def oldest(tx: Transaction, limit: int, *, besides: Collection[str] = ()) -> list[IndexOp]:
    """The next steps, in order, of all but some datasets."""
    query = select(table).where(table.c.dataset_id.not_in(besides))
    return [_op(row) for row in tx.execute(query.order_by(table.c.seq).limit(limit))]


def unapplied(tx: Transaction, node: str, limit: int) -> list[IndexOp]:
    """The next steps, in order, for the copies of a node that are current."""
    copies = schema.index_copies
    own = (copies.c.dataset_id == table.c.dataset_id) & (copies.c.generation == table.c.generation)
    query = select(table).join(copies, own).where(copies.c.node == node)
    query = query.where(
        copies.c.applied_seq >= copies.c.missed_seq, table.c.seq > copies.c.applied_seq
    )
    return [_op(row) for row in tx.execute(query.order_by(table.c.seq).limit(limit))]


def of_index(tx: Transaction, key: IndexKey) -> list[IndexOp]:
    """The steps of one index, in order."""
    own = {"dataset_id": key.dataset_id, "generation": key.generation}
    return [_op(row) for row in tx.execute(select(table).filter_by(**own).order_by(table.c.seq))]


def waiting_ids(tx: Transaction, dataset_id: str, generation: int) -> set[str]:
    """The chunks that an index may hold or not, because a step about them is not applied."""
    ops = of_index(tx, IndexKey(dataset_id, generation))
    return {chunk_id for op in ops for chunk_id in op.chunk_ids()}


def waiting_texts(tx: Transaction, key: IndexKey) -> set[str]:
    """The texts that an index may hold or not, because a step about them is not applied."""
    found: set[str] = set()
    for op in of_index(tx, key):
        found.update(op.texts)
        if op.document_id is not None and op.version is not None:
            stored = texts.of_version(tx, op.document_id, op.version, op.generation)
            found.update(texts.split_names(stored))
    return found


def promised_texts(tx: Transaction, key: IndexKey) -> int:
    """How many texts the vector index of a generation must hold at least."""
    return texts.count_live(tx, key) - len(waiting_texts(tx, key))


def done(tx: Transaction, ops: list[IndexOp]) -> None:
    """Forget applied steps."""
    tx.execute(delete(table).where(table.c.seq.in_([op.seq for op in ops])))


def waiting_for(tx: Transaction, dataset_id: str) -> int:
    """Steps that are not applied, of one dataset."""
    query = select(func.count()).where(table.c.dataset_id == dataset_id)
    return tx.execute(query.select_from(table)).scalar_one()


def waiting_removal(tx: Transaction, dataset_id: str) -> int:
    """Removals that are not applied, of one dataset."""
    going = table.c.kind.in_(("remove", "drop"))
    query = select(func.count()).where(table.c.dataset_id == dataset_id, going)
    return tx.execute(query.select_from(table)).scalar_one()


def waiting(tx: Transaction) -> int:
    """Steps that are not applied."""
    return tx.execute(select(func.count()).select_from(table)).scalar_one()


def seals(tx: Transaction) -> dict[IndexName, str] | None:
    """The seals of the indexes when the last process stopped; None if it has noted none."""
    query = select(schema.marks.c.value).where(schema.marks.c.name == SEALS)
    stored = tx.execute(query).scalar_one_or_none()
    return stored and {
        IndexName(kind, IndexKey(dataset_id, generation)): seal
        for kind, dataset_id, generation, seal in json.loads(stored)
    }


def put_seals(tx: Transaction, found: Mapping[IndexName, str]) -> None:
    """Note the seals of all closed indexes."""
    rows = [(kind, key.dataset_id, key.generation, seal) for (kind, key), seal in found.items()]
    dialect.upsert(tx, schema.marks, {"name": SEALS, "value": json.dumps(rows)}, replace=["value"])


def _op(row: Row[Any]) -> IndexOp:
    return of_row(IndexOp, row, texts=tuple(texts.split_names(row.texts or b"")))
