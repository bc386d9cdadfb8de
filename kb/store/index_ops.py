"""What the derived indexes have yet to do, written in the transaction that made it necessary.

`add` makes a document version searchable, `remove` forgets one, `drop` removes a whole index.
Chunk ids follow from the operation, so the chunks' rows may be gone when a `remove` is applied.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, delete, func, insert, select

from kb.store import schema
from kb.store.database import Transaction

table = schema.index_ops

OpKind = Literal["add", "remove", "drop"]


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
    """Queue a step."""
    tx.execute(
        insert(table).values(
            kind=kind,
            dataset_id=dataset_id,
            generation=generation,
            document_id=document_id,
            version=version,
            chunk_count=chunk_count,
        )
    )


def oldest(tx: Transaction, limit: int, *, besides: Collection[str] = ()) -> list[IndexOp]:
    """The next steps, in order, of all but some datasets."""
    query = select(table).where(table.c.dataset_id.not_in(besides))
    return [_op(row) for row in tx.execute(query.order_by(table.c.seq).limit(limit))]


def waiting_ids(tx: Transaction, dataset_id: str, generation: int) -> set[str]:
    """The chunks that an index may hold or not, because a step about them is not applied."""
    query = select(table).where(table.c.dataset_id == dataset_id, table.c.generation == generation)
    return {chunk_id for row in tx.execute(query) for chunk_id in _op(row).chunk_ids()}


def done(tx: Transaction, ops: list[IndexOp]) -> None:
    """Forget applied steps."""
    tx.execute(delete(table).where(table.c.seq.in_([op.seq for op in ops])))


def waiting(tx: Transaction) -> int:
    """Steps that are not applied."""
    return tx.execute(select(func.count()).select_from(table)).scalar_one()


def _op(row: Row[Any]) -> IndexOp:
    return IndexOp(
        row.seq,
        row.kind,
        row.dataset_id,
        row.generation,
        row.document_id,
        row.version,
        row.chunk_count,
    )
