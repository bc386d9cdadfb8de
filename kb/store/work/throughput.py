"""How many bytes of each batch were embedded of late."""

from __future__ import annotations

import time
from collections.abc import Mapping

from sqlalchemy import delete, func, select

from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction

table = schema.throughput

WINDOW_S = 10
"""Seconds over which the present throughput is measured; what is older is forgotten."""


def add(tx: Transaction, sizes: Mapping[str, float]) -> None:
    """Batch id → bytes of its documents that were just embedded.

    A document of many chunks is counted as it is embedded, not when it is done: its batch would
    seem to stand still until then.
    """
    second = int(time.time())
    tx.execute(delete(table).where(table.c.second < second - WINDOW_S))
    rows = [
        {"batch_id": batch_id, "second": second, "size_bytes": size}
        for batch_id, size in sorted(sizes.items())
        if size > 0
    ]
    dialect.upsert(tx, table, rows, add=["size_bytes"])


def recent_bytes(tx: Transaction, batch_id: str) -> float:
    """Bytes of the last `WINDOW_S` seconds."""
    since = int(time.time()) - WINDOW_S
    query = select(func.coalesce(func.sum(table.c.size_bytes), 0.0))
    query = query.where(table.c.batch_id == batch_id, table.c.second > since)
    total: float = tx.execute(query).scalar_one()
    return total
