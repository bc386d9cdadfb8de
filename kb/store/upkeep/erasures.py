"""Erasures: one row for each deleted document, from its deletion to the proof that it is gone.

The row keeps ids and times, and until the end some samples of the text, sealed: nothing of what was
deleted stands readable in it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Integer, Row, Table, func, literal, or_, select, update

from kb.ids import now
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction, notify_after
from kb.store.engine.paging import of_datasets, one
from kb.store.engine.schema.columns import of_row
from kb.types import Scope

table = schema.erasures
documents = schema.documents
pages = schema.pages
chunks = schema.chunks

SAMPLE_CHARACTERS = 40
SAMPLE_BYTES = 32
"""Of a vector: eight numbers."""
SOURCES = '"sources"'
"""In a first answer that shows passages; that of an upload only names documents."""
_DOCUMENT_ID = re.compile(r"doc_[0-9a-f]{28}")
IN_WORK_S = 120.0
"""A document that is deleted while it is indexed: whoever has it in hand may still store vectors of
it, until it finds the claim gone."""

REPLACED = [column.name for column in table.c if not column.primary_key]
"""An archive that was expanded twice, after a crash, is deleted twice."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """A deleted document. `checks` say what was looked at when it was found erased.

    `samples` are None for a document that had no text; `not_before` is in seconds since the epoch.
    """

    document_id: str
    dataset_id: str
    deleted_at: str
    not_before: float
    originals: tuple[str, ...]
    samples: bytes | None
    erased_at: str | None
    checks: Sequence[Mapping[str, Any]] | None

    @property
    def was_in_work(self) -> bool:
        """Whether it was being indexed when it was deleted."""
        return self.not_before > 0


def add(tx: Transaction, scope: Scope, samples: Mapping[str, bytes | None]) -> None:
    """Note documents that are about to be deleted, by id, with their sealed samples."""
    moment, kept = now(), _kept_versions(tx, samples)
    query = select(documents).where(dialect.among(documents.c.id, samples))
    rows = [
        {
            "document_id": row.id,
            "workspace": scope.workspace,
            "dataset_id": row.dataset_id,
            "deleted_at": moment,
            "not_before": _not_before(row),
            "originals": tuple(filter(None, (row.sha256, *kept.get(row.id, ())))),
            "samples": samples[row.id],
        }
        for row in tx.execute(query).all()
    ]
    dialect.upsert(tx, table, rows, replace=REPLACED)
    notify_after(tx, "erase")


def get(tx: Transaction, scope: Scope, document_id: str) -> Erasure:
    """One deleted document. Raises NotFound when none of that id was deleted, or it is unseen."""
    own = of_datasets(scope, table).where(table.c.document_id == document_id)
    return of_row(Erasure, one(tx, own, "deleted document", document_id))


def pending(tx: Transaction) -> list[Erasure]:
    """What is deleted and not yet erased, oldest first."""
    query = select(table).where(table.c.erased_at.is_(None))
    return [of_row(Erasure, row) for row in tx.execute(query.order_by(table.c.deleted_at))]


def count_pending(tx: Transaction) -> int:
    """How many deletions are not yet erased."""
    query = select(func.count()).select_from(table).where(table.c.erased_at.is_(None))
    return tx.execute(query).scalar_one()


def among(tx: Transaction, document_ids: Collection[str]) -> set[str]:
    """Those of some documents that were deleted."""
    query = select(table.c.document_id).where(table.c.document_id.in_(list(document_ids)))
    return set(tx.execute(query).scalars())


def named_in(text: str) -> set[str]:
    """The ids of documents that stand in a text."""
    return set(_DOCUMENT_ID.findall(text))


def deleted_since(
    tx: Transaction, dataset_id: str, batch_id: str, names: Iterable[str]
) -> dict[str, str]:
    """Name → id of documents that were deleted after a batch was acknowledged, and are not there
    again."""
    items, batches, owner = schema.batch_items, schema.batches, schema.documents
    began = select(batches.c.created_at).where(batches.c.id == batch_id).scalar_subquery()
    again = select(owner.c.id).where(owner.c.dataset_id == dataset_id, owner.c.name == items.c.name)
    query = (
        select(items.c.name, items.c.document_id)
        .join(table, table.c.document_id == items.c.document_id)
        .where(table.c.dataset_id == dataset_id, table.c.deleted_at > began, ~again.exists())
        .where(dialect.among(items.c.name, names))
    )
    return {row.name: row.document_id for row in tx.execute(query)}


def finish(
    tx: Transaction, document_ids: Iterable[str], checks: Sequence[Mapping[str, Any]]
) -> None:
    """The documents are in no file any more; the samples go as well."""
    values = {"erased_at": now(), "checks": list(checks), "samples": None}
    own = update(table).where(dialect.among(table.c.document_id, document_ids))
    tx.execute(own.values(**values))


def text_samples(tx: Transaction, document_id: str) -> list[str]:
    """Some pieces of a document's text: from the middle of some of its pages."""
    half = func.length(pages.c.text, type_=Integer) // 2
    query = (
        select(func.substr(pages.c.text, half, SAMPLE_CHARACTERS))
        .where(pages.c.document_id == document_id)
        .limit(3)
    )
    return [piece for piece in tx.execute(query).scalars() if piece and len(piece.strip()) > 15]


def vector_samples(tx: Transaction, document_id: str) -> list[bytes]:
    """Some pieces of a document's vectors."""
    vectors = schema.embeddings
    query = (
        select(func.substr(vectors.c.vector, SAMPLE_BYTES + 1, SAMPLE_BYTES))
        .join(chunks, chunks.c.text_hash == vectors.c.text_hash)
        .where(chunks.c.document_id == document_id)
        .limit(2)
    )
    return [bytes(piece) for piece in tx.execute(query).scalars()]


def rows_left(tx: Transaction, document_ids: Iterable[str]) -> int:
    """Rows of the documents that are still there, in all tables that hold their text."""
    ids = list(document_ids)
    kept = (pages, schema.layouts, chunks, schema.passages, schema.generation_documents)
    owners = (documents.c.id, *(each.c.document_id for each in kept))
    counts = (select(func.count()).where(dialect.among(owner, ids)) for owner in owners)
    return sum(tx.execute(query).scalar_one() for query in counts)


def tables_with(tx: Transaction, pieces: Sequence[bytes]) -> list[str]:
    """The tables in which any of some bytes stand rightly: another document, or a conversation."""
    return [
        kept.name
        for kept in schema.metadata.sorted_tables
        if kept is not table and _holds(tx, kept, pieces)
    ]


def _holds(tx: Transaction, kept: Table, pieces: Sequence[bytes]) -> bool:
    stands = or_(*(dialect.holds(column, piece) for column in kept.c for piece in pieces))
    found = select(literal(1)).select_from(kept).where(stands).limit(1)
    return tx.execute(found).first() is not None


def _kept_versions(tx: Transaction, document_ids: Iterable[str]) -> dict[str, list[str]]:
    versions = schema.document_versions
    found: dict[str, list[str]] = {}
    own = dialect.among(versions.c.document_id, document_ids)
    query = select(versions.c.document_id, versions.c.sha256).where(own)
    for document_id, sha256 in tx.execute(query):
        found.setdefault(document_id, []).append(sha256)
    return found


def _not_before(row: Row[Any]) -> float:
    return time.time() + IN_WORK_S if row.status in ("pending", "indexing") else 0.0
