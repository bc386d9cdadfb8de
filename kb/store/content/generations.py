"""Generations of datasets: what each holds, what it lacks, and the switch from one to another.

The live generation stands in its dataset's row too, which is what a search reads. Of the others,
`generation_documents` says which version of a document they hold. What one lacks follows from that:
every live version without such a row. So nothing has to be queued, and a crash loses no work.
Numbers are never used again: the folder of a removed generation may still be on its way out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import and_, case, exists, func, insert, select, update

from kb.ids import now
from kb.protocols import IndexKey
from kb.store.content import datasets
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction, notify_after
from kb.store.engine.paging import one
from kb.store.engine.schema.columns import of_row
from kb.types import Dataset, Failure, Generation, GenerationCounts, Processing, Scope

table = schema.generations
held = schema.generation_documents
documents = schema.documents


@dataclass(frozen=True, slots=True)
class Lacking:
    """A document version that a generation has yet to take in."""

    document_id: str
    version: int


def create(
    tx: Transaction, dataset: Dataset, *, processing: Processing, embedder: str, model: str | None
) -> Generation:
    """Begin the next generation of a dataset; it is empty."""
    number = dialect.next_number(tx, table.c.number, table.c.dataset_id == dataset.id)
    tx.execute(
        insert(table).values(
            dataset_id=dataset.id,
            number=number,
            processing=processing,
            embedder=embedder,
            model=model,
            created_at=now(),
        )
    )
    notify_after(tx, "reindex")
    return get(tx, dataset, number)


def get(tx: Transaction, dataset: Dataset, number: int) -> Generation:
    """One generation of a dataset. Raises NotFound when it is absent or removed."""
    own = _PRESENT.where(table.c.dataset_id == dataset.id, table.c.number == number)
    return of_row(Generation, one(tx, own, "generation", f"{number} of {dataset.name}"))


def of_dataset(tx: Transaction, dataset: Dataset) -> list[Generation]:
    """The generations of a dataset, oldest first."""
    rows = tx.execute(_PRESENT.where(table.c.dataset_id == dataset.id).order_by(table.c.number))
    return [of_row(Generation, row) for row in rows]


def seen(tx: Transaction, dataset: Dataset, number: int) -> Dataset:
    """The dataset as it would be with another generation live. Raises NotFound."""
    if number == dataset.generation:
        return dataset
    found = get(tx, dataset, number)
    return replace(
        dataset,
        generation=number,
        processing=found.processing,
        embedder=found.embedder,
        model=found.model,
    )


def every(tx: Transaction) -> list[tuple[Dataset, Generation]]:
    """All generations of all datasets, each with its dataset; the live one of a dataset first."""
    found = []
    for dataset in datasets.every(tx, Scope.admin()):
        own = of_dataset(tx, dataset)
        found += [(dataset, g) for g in sorted(own, key=lambda g: g.status != "live")]
    return found


def index_keys(tx: Transaction) -> list[IndexKey]:
    """All generations of all datasets, as the indexes know them; those used last come first."""
    query = _PRESENT.with_only_columns(table.c.dataset_id, table.c.number)
    rows = tx.execute(query.order_by(schema.datasets.c.active_at.desc()))
    return [IndexKey(*row) for row in rows]


def beside(tx: Transaction) -> list[tuple[Dataset, Generation]]:
    """All generations that are not live."""
    own = _PRESENT.where(_STATUS != "live").order_by(table.c.dataset_id, table.c.number)
    found = [of_row(Generation, row) for row in tx.execute(own)]
    return [(datasets.get(tx, Scope.admin(), each.dataset_id), each) for each in found]


def embedder_of(tx: Transaction, key: IndexKey) -> str:
    """The fingerprint of the vectors in an index. Raises NotFound when its generation is gone."""
    own = _PRESENT.where(table.c.dataset_id == key.dataset_id, table.c.number == key.generation)
    row = one(tx, own, "generation", f"{key.generation} of {key.dataset_id}")
    return str(row.embedder)


def newest_embedder(tx: Transaction, model: str) -> str | None:
    """The fingerprint of the newest generation that was built with the model of that name."""
    query = select(table.c.embedder).where(table.c.model == model)
    return tx.execute(query.order_by(table.c.created_at.desc()).limit(1)).scalar()


def lacking(tx: Transaction, generation: Generation, limit: int) -> list[Lacking]:
    """Document versions that answer and that the generation has not taken in, oldest first."""
    query = (
        select(documents.c.id, documents.c.live_version)
        .where(_answers(generation), ~_is_held(generation))
        .order_by(documents.c.id)
        .limit(limit)
    )
    return [Lacking(row.id, row.live_version) for row in tx.execute(query)]


def lacking_of(tx: Transaction, generation: Generation, asked: Sequence[Lacking]) -> list[Lacking]:
    """Those of the document versions that still answer and that the generation still lacks.

    None of them if it has become the live one: that is fed by the jobs of uploads.
    """
    if generation.status == "live":
        return []
    query = select(documents.c.id, documents.c.live_version).where(
        documents.c.id.in_([each.document_id for each in asked]),
        _answers(generation),
        ~_is_held(generation),
    )
    found = {(row.id, row.live_version) for row in tx.execute(query)}
    return [each for each in asked if (each.document_id, each.version) in found]


def is_behind(tx: Transaction) -> bool:
    """Whether any generation lacks a document."""
    return any(lacking(tx, generation, 1) for _, generation in beside(tx))


def counts(tx: Transaction, generation: Generation) -> GenerationCounts:
    """How far a generation has come; the live one's documents count by their own status."""
    if generation.status == "live":
        failed = and_(
            documents.c.status == "failed", documents.c.version == documents.c.live_version
        )
        own = select(
            func.count().label("documents"),
            func.sum(case((failed, 1), else_=0)).label("failed"),
            func.sum(documents.c.chunk_count).label("chunks"),
        ).where(_answers(generation))
        row = tx.execute(own).one()
        bad = row.failed or 0
        return GenerationCounts(row.documents, row.documents - bad, bad, row.chunks or 0)
    whole = select(func.count()).select_from(documents).where(_answers(generation))
    taken = (
        select(
            func.count().label("taken"),
            func.count(held.c.error["code"].as_string()).label("failed"),
            func.coalesce(func.sum(held.c.chunk_count), 0).label("chunks"),
        )
        .join_from(held, documents, held.c.document_id == documents.c.id)
        .where(held.c.generation == generation.number, _answers(generation))
        .where(held.c.version == documents.c.live_version)
    )
    row = tx.execute(taken).one()
    total = tx.execute(whole).scalar_one()
    return GenerationCounts(total, row.taken - row.failed, row.failed, row.chunks)


def failures(tx: Transaction, generation: Generation) -> list[tuple[str, str, Failure]]:
    """(document id, name, why) of the documents that the generation could not take in."""
    query = (
        select(documents.c.id, documents.c.name, held.c.error)
        .join_from(held, documents, held.c.document_id == documents.c.id)
        .where(held.c.generation == generation.number, _answers(generation))
        .where(held.c.version == documents.c.live_version)
        .order_by(documents.c.id)
    )
    return [(key, name, error) for key, name, error in tx.execute(query) if error is not None]


def set_ready(tx: Transaction, generation: Generation) -> None:
    """The generation has caught up for the first time."""
    tx.execute(_own(generation).where(table.c.ready_at.is_(None)).values(ready_at=now()))


def mark_live(tx: Transaction, before: Generation, after: Generation) -> None:
    """Note when the one took over from the other."""
    moment = now()
    tx.execute(_own(before).values(retired_at=moment))
    tx.execute(_own(after).values(live_at=moment, retired_at=None))


def mark_removed(tx: Transaction, generation: Generation) -> None:
    """The generation is gone; its number stays taken."""
    tx.execute(_own(generation).values(removed_at=now()))


def previous(generations: Sequence[Generation]) -> Generation | None:
    """The one that was live last before the live one, if it is still there."""
    retired = [each for each in generations if each.status == "retired"]
    return max(retired, key=lambda each: each.retired_at or "", default=None)


def _own(generation: Generation) -> Any:
    return update(table).where(
        table.c.dataset_id == generation.dataset_id, table.c.number == generation.number
    )


def _answers(generation: Generation) -> Any:
    return and_(
        documents.c.dataset_id == generation.dataset_id, documents.c.live_version.is_not(None)
    )


def _is_held(generation: Generation) -> Any:
    return exists(
        select(held.c.document_id).where(
            held.c.document_id == documents.c.id,
            held.c.generation == generation.number,
            held.c.version == documents.c.live_version,
        )
    )


_STATUS = case(
    (table.c.number == schema.datasets.c.generation, "live"),
    (table.c.retired_at.is_not(None), "retired"),
    (table.c.ready_at.is_(None), "building"),
    else_="ready",
)
_PRESENT = (
    select(table, _STATUS.label("status"))
    .join_from(table, schema.datasets, table.c.dataset_id == schema.datasets.c.id)
    .where(table.c.removed_at.is_(None))
)
