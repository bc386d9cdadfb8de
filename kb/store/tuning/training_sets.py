"""Training sets and their versions. A version never changes, and its file is a stored file."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from kb.errors import Conflict
from kb.ids import new_id, now
from kb.store.engine import schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing, one
from kb.store.engine.schema.columns import of_row, to_row
from kb.store.work import files
from kb.types import Scope, StoredFile, TrainingSet, TrainingSetVersion

table = schema.training_sets
versions = schema.training_set_versions


def add(tx: Transaction, scope: Scope, name: str, description: str = "") -> TrainingSet:
    """Make a set without versions. Raises Conflict if its name is taken."""
    made = TrainingSet(new_id("set"), name, description, 0, now())
    try:
        tx.execute(insert(table).values(workspace=scope.workspace, **to_row(made)))
    except IntegrityError as exc:
        raise Conflict(f"A training set {name!r} is there already.") from exc
    return made


def get(tx: Transaction, scope: Scope, id_or_name: str) -> TrainingSet:
    """One set. Raises NotFound."""
    named = or_(table.c.id == id_or_name, table.c.name == id_or_name)
    query = select(table).where(table.c.workspace == scope.workspace, named)
    query = query.order_by(table.c.id != id_or_name).limit(1)  # a name may be the id of another
    return of_row(TrainingSet, one(tx, query, "training set", id_or_name))


def page(tx: Transaction, scope: Scope, request: PageRequest) -> Listing[TrainingSet]:
    """A part of the sets, oldest first."""
    query = select(table).where(table.c.workspace == scope.workspace)
    return listing(tx, query, table.c.id, request, partial(of_row, TrainingSet))


def add_version(
    tx: Transaction,
    scope: Scope,
    id_or_name: str,
    file: StoredFile,
    *,
    after: int | None = None,
    splits: Mapping[str, int],
    note: str,
    report: Mapping[str, Any],
) -> TrainingSetVersion:
    """Make a stored file the next version of a set.

    Args:
        after: the version that the caller has read; None: any.

    Raises:
        NotFound: there is no such set.
        Conflict: another version came meanwhile.
    """
    found = get(tx, scope, id_or_name)
    if after not in (None, found.versions):
        raise Conflict(f"{found.name!r} has version {found.versions} meanwhile. Read it first.")
    number, rows = found.versions + 1, sum(splits.values())
    made = TrainingSetVersion(
        found.id, number, file.id, file.sha256, rows, splits, note, report, now()
    )
    tx.execute(insert(versions).values(**to_row(made)))
    tx.execute(update(table).where(table.c.id == found.id).values(versions=number))
    return made


def version(
    tx: Transaction, scope: Scope, id_or_name: str, number: int | None = None
) -> TrainingSetVersion:
    """One version, the newest without a number. Raises NotFound."""
    found = get(tx, scope, id_or_name)
    wanted = number or found.versions
    own = versions.c.set_id == found.id, versions.c.number == wanted
    row = one(tx, select(versions).where(*own), "version", f"{found.name}@{wanted}")
    return of_row(TrainingSetVersion, row)


def versions_of(
    tx: Transaction, scope: Scope, id_or_name: str, request: PageRequest
) -> Listing[TrainingSetVersion]:
    """A part of the versions, newest first. Raises NotFound."""
    query = select(versions).where(versions.c.set_id == get(tx, scope, id_or_name).id)
    make = partial(of_row, TrainingSetVersion)
    return listing(tx, query, versions.c.number, request, make, newest_first=True)


def remove(tx: Transaction, scope: Scope, id_or_name: str) -> list[str]:
    """Delete a set with its versions and their files; returns the hashes. Raises NotFound."""
    found = get(tx, scope, id_or_name)
    own = versions.c.set_id == found.id
    rows = tx.execute(select(versions.c.file_id, versions.c.sha256).where(own)).all()
    tx.execute(delete(versions).where(own))
    tx.execute(delete(table).where(table.c.id == found.id))
    for row in rows:
        files.remove(tx, row.file_id)
    return [row.sha256 for row in rows]
