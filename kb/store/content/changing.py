"""Changing what documents are found by: metadata, labels, days, and whether they are on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, null, update

from kb.errors import Rejected
from kb.ids import now
from kb.store.content import datasets, documents, filters
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.types import Clause, Document, Scope

table = schema.documents

_CHANGED = ("metadata", "enabled", "valid_from", "valid_until", "labels")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which documents of a dataset: those with the `ids`, or all that the rest lets through."""

    ids: tuple[str, ...] | None = None
    where: Sequence[Clause] = ()
    status: str | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True)
class RefusedChange:
    """A document that stayed as it was, and why."""

    document_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class ChangeReport:
    """What became of a change of many documents, by their ids; `unchanged` were so before."""

    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    not_found: tuple[str, ...]
    refused: tuple[RefusedChange, ...]


def change(tx: Transaction, scope: Scope, document_id: str, given: Mapping[str, Any]) -> Document:
    """Change metadata and switches, by column. Raises NotFound, Rejected as `checked_switches`."""
    found = documents.get(tx, scope, document_id)
    values = checked_switches(scope, {**found.switches, **given})
    tx.execute(update(table).where(table.c.id == document_id).values(**values, updated_at=now()))
    return documents.get(tx, scope, document_id)


def checked_switches(scope: Scope, given: Mapping[str, Any]) -> dict[str, Any]:
    """As they are stored. Raises Rejected if days are in the wrong order or labels are others'."""
    check_days(given)
    labels = tuple(given.get("labels") or ())
    if not scope.carries(labels):
        raise Rejected("This key carries none of these `labels`. Name one of its own as well.")
    return {**given, "labels": labels or null()} if "labels" in given else dict(given)


def check_days(given: Mapping[str, Any]) -> None:
    """Raises Rejected if the days are in the wrong order."""
    since, until = given.get("valid_from"), given.get("valid_until")
    if since and until and since > until:
        raise Rejected(f"`valid_from` {since} lies behind `valid_until` {until}. Swap them.")


def change_many(
    tx: Transaction, scope: Scope, dataset_id: str, choice: Choice, given: Mapping[str, Any]
) -> ChangeReport:
    """Change all documents of a choice at once, but for those that the days do not fit.

    Raises:
        NotFound: the dataset cannot be seen.
        Rejected: nothing is chosen or to change, or as `checked_switches`.
    """
    datasets.get(tx, scope, dataset_id)
    rows = _chosen(tx, scope, dataset_id, choice)
    values = checked_switches(scope, given)
    if not values:
        raise Rejected("Say what is to change: metadata, labels, valid_from, valid_until, enabled.")
    refused = {row.id: detail for row in rows if (detail := _objection(row, given))}
    differs = {row.id: _differs(row, given) for row in rows if row.id not in refused}
    changed = [name for name, is_changed in differs.items() if is_changed]
    which = dialect.among(table.c.id, changed)
    tx.execute(update(table).where(which).values(**values, updated_at=now()))
    return ChangeReport(
        tuple(changed),
        tuple(name for name, is_changed in differs.items() if not is_changed),
        tuple(sorted(set(choice.ids or ()) - {row.id for row in rows})),
        tuple(RefusedChange(*each) for each in refused.items()),
    )


def _chosen(tx: Transaction, scope: Scope, dataset_id: str, choice: Choice) -> Sequence[Row[Any]]:
    says_more = bool(choice.where or choice.status or choice.q)
    if says_more == (choice.ids is not None):
        raise Rejected("Choose by `document_ids`, or else by `filter`, `status` and `q`.")
    query = documents.matching(scope, dataset_id, status=choice.status, q=choice.q)
    if choice.ids is not None:
        query = query.where(dialect.among(table.c.id, set(choice.ids)))
    query = query.where(*map(filters.fulfils, choice.where)).order_by(table.c.id)
    return tx.execute(query.with_only_columns(table.c.id, *(table.c[n] for n in _CHANGED))).all()


def _objection(row: Row[Any], given: Mapping[str, Any]) -> str | None:
    try:
        check_days(row._asdict() | dict(given))
    except Rejected as exc:
        return exc.detail
    return None


def _differs(row: Row[Any], given: Mapping[str, Any]) -> bool:
    has = row._asdict() | {"enabled": row.enabled is not False, "labels": list(row.labels or ())}
    return any(has[name] != (list(new) if name == "labels" else new) for name, new in given.items())
