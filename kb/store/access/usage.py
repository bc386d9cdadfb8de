"""Tokens and money by day, key, app and model: what limits count, and what operators ask for.

Counted when an answer is stored and never taken back, so that deleting a conversation frees no
tokens. Days are UTC. Without a key (admin key, console) `key_id` is empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import func, select

from kb.ids import now
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.types import Scope, Usage

table = schema.usage

Grouping = Literal["app", "key", "model", "day"]


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """What one app, key, model or day has used; `name` is its id."""

    name: str
    answers: int
    prompt_tokens: int
    completion_tokens: int
    cost: float


def count(
    tx: Transaction,
    scope: Scope,
    app_id: str,
    model: str,
    usage: Usage,
    *,
    cost: float | None,
    answers: int = 1,
) -> None:
    """Add one answer, or 0 for the part of a model that only drafted one."""
    added = {
        "answers": answers,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cost": cost or 0.0,
    }
    own = {"key_id": scope.key_id or "", "app_id": app_id, "workspace": scope.workspace}
    row = {"day": now()[:10], "model": model, **own, **added}
    dialect.upsert(tx, table, row, add=added)


def tokens_today(tx: Transaction, key_id: str) -> int:
    """Tokens that a key has used since midnight UTC."""
    used = func.sum(table.c.prompt_tokens + table.c.completion_tokens)
    query = select(used).where(table.c.day == now()[:10], table.c.key_id == key_id)
    return int(tx.execute(query).scalar() or 0)


def totals(
    tx: Transaction,
    scope: Scope,
    by: Grouping,
    *,
    since: str | None = None,
    until: str | None = None,
) -> list[UsageTotal]:
    """Sums for each app, key, model or day, in the order of their names.

    Args:
        since: first day counted, as `2026-05-31`; None counts from the beginning.
        until: last day counted.
    """
    name = table.c.day if by == "day" else table.c.model if by == "model" else table.c[f"{by}_id"]
    sums = [
        func.sum(table.c[column])
        for column in ("answers", "prompt_tokens", "completion_tokens", "cost")
    ]
    query = select(name, *sums).where(table.c.workspace == scope.workspace)
    if since is not None:
        query = query.where(table.c.day >= since)
    if until is not None:
        query = query.where(table.c.day <= until)
    rows = tx.execute(query.group_by(name).order_by(name))
    return [
        UsageTotal(name, answers, prompt, completion, round(cost, 8))
        for name, answers, prompt, completion, cost in rows
    ]
