"""What counts for all keys of an app: the origins of its widgets, and limits."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import select

from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.types import AppAccess, Limits

table = schema.app_access


def get(tx: Transaction, app_id: str) -> AppAccess:
    """The access rules of an app; none at all until some are put."""
    row = tx.execute(select(table).where(table.c.app_id == app_id)).one_or_none()
    return AppAccess() if row is None else AppAccess(tuple(row.origins), Limits(**row.limits))


def put(tx: Transaction, app_id: str, access: AppAccess) -> None:
    """Replace the access rules of an app; they count from the next request on."""
    values = {"origins": list(access.origins), "limits": asdict(access.limits)}
    dialect.upsert(tx, table, {"app_id": app_id, **values}, replace=values)
