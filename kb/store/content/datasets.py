"""Datasets: named sets of documents."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from typing import Any

from sqlalchemy import JSON, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from kb.errors import Conflict, NotFound
from kb.ids import new_id, now
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing, of_datasets
from kb.store.engine.schema.columns import of_row, to_row
from kb.types import Dataset, Generation, Processing, Quota, Scope

table = schema.datasets

# Made once: each search asks for it, and making it takes longer than running it.
_SEVERAL = select(table).where(
    table.c.workspace == bindparam("workspace"),
    dialect.among(table.c.id, bindparam("ids", type_=JSON)),
)


def create(
    tx: Transaction,
    scope: Scope,
    *,
    name: str,
    embedder: str,
    model: str | None = None,
    description: str = "",
    processing: Processing | None = None,
    quota: Quota | None = None,
) -> Dataset:
    """Add an empty dataset.

    Args:
        embedder: the fingerprint of its vectors.
        model: the name by which that embedder is opened.

    Raises:
        Conflict: another dataset has that name.
    """
    dataset = Dataset(
        id=new_id("ds"),
        name=name,
        description=description,
        processing=processing or Processing(),
        embedder=embedder,
        generation=1,
        created_at=now(),
        model=model,
        quota=quota or Quota(),
    )
    try:
        tx.execute(insert(table).values(workspace=scope.workspace, **to_row(dataset)))
    except IntegrityError as exc:
        raise _name_taken(name) from exc
    moments = dict.fromkeys(("created_at", "ready_at", "live_at"), dataset.created_at)
    own = {"processing": dataset.processing, "embedder": embedder, "model": model}
    first = {"dataset_id": dataset.id, "number": dataset.generation, **own, **moments}
    tx.execute(insert(schema.generations).values(**first))
    return dataset


def get(tx: Transaction, scope: Scope, dataset_id: str) -> Dataset:
    """One dataset. Raises NotFound when it is absent or not visible."""
    for found in of_ids(tx, scope, [dataset_id]):
        return found
    raise NotFound("dataset", dataset_id)


def of_ids(tx: Transaction, scope: Scope, dataset_ids: Iterable[str]) -> list[Dataset]:
    """Those of some datasets that are there and visible, in the order given."""
    ids = [each for each in dict.fromkeys(dataset_ids) if scope.sees_dataset(each)]
    rows = tx.execute(_SEVERAL, {"workspace": scope.workspace, "ids": ids}).all()
    found = {row.id: _dataset(row) for row in rows}
    return [found[each] for each in ids if each in found]


def find(tx: Transaction, scope: Scope, name: str) -> Dataset | None:
    """The dataset of that name, if there is one."""
    row = tx.execute(of_datasets(scope, table).where(table.c.name == name)).one_or_none()
    return None if row is None else _dataset(row)


def every(tx: Transaction, scope: Scope) -> list[Dataset]:
    """All visible datasets, oldest first."""
    return [_dataset(row) for row in tx.execute(of_datasets(scope, table).order_by(table.c.id))]


def page(
    tx: Transaction,
    scope: Scope,
    request: PageRequest,
    *,
    q: str | None = None,
    newest_first: bool = False,
) -> Listing[Dataset]:
    """A part of the visible datasets, by a piece of the name."""
    query = of_datasets(scope, table)
    if q:
        query = query.where(table.c.name.icontains(q, autoescape=True))
    return listing(tx, query, table.c.id, request, _dataset, newest_first=newest_first)


def change(
    tx: Transaction,
    scope: Scope,
    dataset_id: str,
    *,
    name: str | None = None,
    description: str | None = None,
    processing: Processing | None = None,
    quota: Quota | None = None,
    others: Mapping[str, Any] | None = None,
) -> Dataset:
    """Rename or describe a dataset, limit it, or process it in another way while it is empty.

    Args:
        others: columns that may also become null: `metadata`, `expires_after_days`.

    Raises:
        Conflict: another dataset has that name, or documents were processed already.
    """
    found = get(tx, scope, dataset_id)
    values: dict[str, Any] = {"name": name, "description": description, "quota": quota}
    if processing is not None and processing != found.processing:
        _refuse_mixture(tx, found)
        values["processing"] = processing
    given: dict[str, Any] = {column: value for column, value in values.items() if value is not None}
    given |= others or {}
    if given:
        try:
            tx.execute(update(table).where(table.c.id == dataset_id).values(**given))
        except IntegrityError as exc:
            raise _name_taken(name) from exc
    if "processing" in given:
        same = update(schema.generations).filter_by(dataset_id=dataset_id, number=found.generation)
        tx.execute(same.values(processing=processing))
    return get(tx, scope, dataset_id)


def point_to(tx: Transaction, generation: Generation) -> None:
    """Let a generation answer: one write, which every search sees as a whole or not at all."""
    values = {
        "generation": generation.number,
        "processing": generation.processing,
        "embedder": generation.embedder,
        "model": generation.model,
    }
    tx.execute(update(table).where(table.c.id == generation.dataset_id).values(**values))


def expired(tx: Transaction) -> list[Dataset]:
    """The datasets that were not searched for as long as they are kept without."""
    rows = tx.execute(select(table).where(table.c.expires_after_days.is_not(None)))
    found, moment = map(_dataset, rows), dialect.now(tx)
    return [each for each in found if each.expires is not None and each.expires <= moment]


def touch(tx: Transaction, wanted: Iterable[Dataset]) -> None:
    """Note that datasets are used."""
    own = table.c.id.in_([each.id for each in wanted])
    tx.execute(update(table).where(own).values(active_at=now()))


def adopt(tx: Transaction, embedder: str, model: str) -> None:
    """Note the embedder's name in datasets of a version that did not keep it."""
    for rows in (table, schema.generations):
        unnamed = (rows.c.model.is_(None), rows.c.embedder == embedder)
        tx.execute(update(rows).where(*unnamed).values(model=model))


def _name_taken(name: str | None) -> Conflict:
    return Conflict(f"A dataset named {name!r} exists already. Choose another name.")


def _refuse_mixture(tx: Transaction, dataset: Dataset) -> None:
    owned = select(schema.documents.c.id).where(schema.documents.c.dataset_id == dataset.id)
    if tx.execute(owned.limit(1)).first() is not None:
        raise Conflict(
            f"Dataset {dataset.name!r} holds documents that were cleaned and split the present "
            "way. `kb reindex` builds them anew beside the present ones, and switches."
        )


def generations_of(tx: Transaction, dataset_id: str) -> list[int]:
    """The numbers of the generations of a dataset, removed ones left out."""
    rows = schema.generations
    own = select(rows.c.number).where(rows.c.dataset_id == dataset_id, rows.c.removed_at.is_(None))
    return list(tx.execute(own).scalars())


def live_generations(tx: Transaction, dataset_ids: Collection[str]) -> dict[str, int]:
    """Dataset id → the number of the generation that answers."""
    query = select(table.c.id, table.c.generation).where(table.c.id.in_(list(dataset_ids)))
    return {row.id: row.generation for row in tx.execute(query)}


def remove_row(tx: Transaction, dataset_id: str) -> None:
    """Delete the row itself; `deletion.delete_dataset` has emptied it before."""
    tx.execute(delete(schema.generations).where(schema.generations.c.dataset_id == dataset_id))
    tx.execute(delete(table).where(table.c.id == dataset_id))


_dataset = partial(of_row, Dataset)
