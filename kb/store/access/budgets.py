"""Budgets: how far what a key or an app may spend in a day or month (UTC) is spent.

Those of a key count what the key has asked for, those of an app what anybody has asked it. One
statement reads both, and looks at no usage of those without a budget.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    update,
)

from kb.errors import BudgetExceeded
from kb.ids import midnight, now, rfc3339
from kb.store.content import outbox
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.schema.columns import of_row
from kb.types import Budget
from kb.types.access import BudgetState

logger = logging.getLogger(__name__)

table = schema.budgets

WARN_AT = 0.8
"""The part of a budget from which on it is warned of."""


def put(tx: Transaction, budget: Budget) -> None:
    """Give a key or app a budget in place of one of the same unit and period; 0 takes it away."""
    row = {column.name: getattr(budget, column.name) for column in table.c if column.name != "told"}
    dialect.upsert(tx, table, row, replace=["amount"])
    tx.execute(delete(table).where(table.c.amount == 0))


def every(tx: Transaction) -> list[Budget]:
    """All budgets, those of apps first."""
    return list(_read(tx, _EVERY))


def check(tx: Transaction, key_id: str | None, app_id: str) -> None:
    """Whether a key may ask an app, as far as budgets go. Raises BudgetExceeded."""
    for each in _read(tx, _OWN, key=key_id, app=app_id):
        if each.state == "exceeded":
            left = datetime.fromisoformat(each.resets_at) - datetime.now(UTC)
            detail = f"{each} It begins anew at {each.resets_at}; or have it raised."
            raise BudgetExceeded(detail, int(left.total_seconds()) + 1, {"budget": asdict(each)})


def tell(tx: Transaction, key_id: str | None, app_id: str) -> None:
    """Log each budget that is nearly or wholly used up, and tell webhooks: once in its period."""
    for each in _read(tx, _OWN, key=key_id, app=app_id):
        if each.state != "good" and _is_news(tx, each):
            logger.warning("%s", each)
            outbox.tell_budget(tx, each)


def _is_news(tx: Transaction, budget: Budget) -> bool:
    """Whether nobody has told of this state of it yet; now somebody has."""
    told = f"{budget.state} until {budget.resets_at}"
    own = [column == getattr(budget, column.name) for column in table.primary_key]
    mark = update(table).where(*own, table.c.told.is_distinct_from(told)).values(told=told)
    return tx.execute(mark).rowcount > 0  # of two at once, the second waits for the first one's row


def _read(tx: Transaction, query: Select[Any], **whose: str | None) -> Iterator[Budget]:
    today, tomorrow = now()[:10], midnight()
    next_month = (tomorrow - timedelta(days=1)).replace(day=1) + timedelta(days=31)
    ends = {"day": rfc3339(tomorrow), "month": rfc3339(next_month.replace(day=1))}
    for row in tx.execute(query, {**whose, "today": today, "month": f"{today[:8]}01"}):
        share = (row.spent or 0.0) / row.amount
        state: BudgetState = "exceeded" if share >= 1 else "warning" if share >= WARN_AT else "good"
        yield replace(of_row(Budget, row), state=state, resets_at=ends[row.period])


def _of(key_id: ColumnElement[Any], app_id: ColumnElement[Any]) -> ColumnElement[bool]:
    of, owner = table.c.of, table.c.id
    return or_(and_(of == "key", owner == key_id), and_(of == "app", owner == app_id))


_used = schema.usage.c
_tokens = _used.prompt_tokens + _used.completion_tokens
_spent = case((table.c.unit == "tokens", _tokens), (table.c.unit == _used.currency, _used.cost))
_begins = case((table.c.period == "day", bindparam("today")), else_=bindparam("month"))
_sum = select(func.sum(_spent)).where(_used.day >= _begins, _of(_used.key_id, _used.app_id))
_EVERY = select(table, _sum.scalar_subquery().label("spent")).order_by(*table.primary_key)
_OWN = _EVERY.where(_of(bindparam("key"), bindparam("app")))
"""Made once: making a statement takes longer than running it."""
