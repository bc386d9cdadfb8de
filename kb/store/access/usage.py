"""Tokens and money by day, key, app, model and variant, and apart from that by end user: what
limits and budgets count, and what operators ask for.

Counted when an answer is stored and never taken back, so that deleting a conversation frees no
tokens. Days are UTC. Without a key (admin key, console) `key_id` is empty, and so is `end_user`
where nobody is named: visitors whom a widget names by itself have no rows of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, Literal

from sqlalchemy import Column, ColumnElement, bindparam, delete, func, select

from kb.ids import now
from kb.store.access import budgets
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing
from kb.types import ANONYMOUS, ModelUsage, Scope

table = schema.usage
users = schema.user_usage

Grouping = Literal["app", "key", "user", "model", "variant", "day"]

NAMED = timedelta(days=92)
"""How long usage is told by end user; after that it counts for nobody in particular."""

_TOKENS = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
_COUNTED = ("answers", "cost", *_TOKENS, "estimated_tokens")
_NAMES = {"app": "app_id", "key": "key_id", "user": "end_user"}


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """What one app, key, user, model, variant or day has used; `name` is its id.

    Money is of one currency, None where nothing had a price. Cached, reasoning and estimated tokens
    are parts of those read and written: in a cache of the provider, only thought, counted by no
    provider. The rest is of one app's variant only, of its latest stored answers (`observed`).
    """

    name: str
    currency: str | None
    answers: int
    cost: float
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    estimated_tokens: int
    observed: int | None = None
    first_token_ms: float | None = None
    refusals: int | None = None
    likes: int | None = None
    dislikes: int | None = None


def count(
    tx: Transaction,
    scope: Scope,
    app_id: str,
    end_user: str | None,
    variant: str,
    used: ModelUsage,
    *,
    answers: int = 1,
) -> None:
    """Add one answer, or 0 for the part of a model that only drafted one."""
    tokens = used.usage.prompt_tokens + used.usage.completion_tokens
    added = {name: getattr(used.usage, name) for name in _TOKENS}
    added |= {"estimated_tokens": tokens if used.usage.estimated else 0}
    added |= {"answers": answers, "cost": used.cost or 0.0}
    currency = "" if used.cost is None else used.price.currency
    own = {"app_id": app_id, "currency": currency, "workspace": scope.workspace}
    row = {"day": now()[:10], **own, **added}
    by = {"key_id": scope.key_id or "", "model": used.model, "variant": variant}
    dialect.upsert(tx, table, {**row, **by}, add=added)
    dialect.upsert(tx, users, {**row, "end_user": _named(end_user)}, add=added)
    oldest = (datetime.now(UTC) - NAMED).date().isoformat()
    if tx.execute(_OUTDATED, {"oldest": oldest}).first() is not None:
        _forget(tx, users.c.day < oldest)
    budgets.tell(tx, scope.key_id, app_id)


def forget_users(tx: Transaction, app_id: str, end_user: str | None = None) -> None:
    """Forget who has used an app, all or one of its end users; what was used stays counted."""
    own = users.c.app_id == app_id
    _forget(tx, own if end_user is None else own & (users.c.end_user == end_user))


def tokens_today(tx: Transaction, key_id: str) -> int:
    """Tokens that a key has used since midnight UTC."""
    used = func.sum(table.c.prompt_tokens + table.c.completion_tokens)
    query = select(used).where(table.c.day == now()[:10], table.c.key_id == key_id)
    return int(tx.execute(query).scalar() or 0)


def totals(
    tx: Transaction,
    scope: Scope,
    by: Grouping,
    since: str | None = None,
    until: str | None = None,
    *,
    app_id: str | None = None,
    names: Sequence[str] | None = None,
) -> list[UsageTotal]:
    """Sums for each app, key, user, model, variant or day, in the order of their names.

    One for each currency; what had no price is told with the first.

    Args:
        since: first day counted, as `2026-05-31`; None counts from the beginning.
        until: last day counted.
        names: those from the first to the last of these; None for all.
    """
    name, rows = _rows(scope, by, since, until, app_id)
    of_row = name, name.table.c.currency
    query = select(*of_row, *(func.sum(name.table.c[each]) for each in _COUNTED)).where(*rows)
    if names is not None:
        query = query.where(name.between(names[0], names[-1]))
    found: list[UsageTotal] = []
    for named, currency, *sums in tx.execute(query.group_by(*of_row).order_by(*of_row)):
        if found and found[-1].name == named and found[-1].currency is None:
            sums = [a + b for a, b in zip(sums, astuple(found.pop())[2:], strict=False)]
        answers, cost, *tokens = sums
        found.append(UsageTotal(named, currency or None, answers, round(cost, 8), *tokens))
    return found


def page(
    tx: Transaction,
    scope: Scope,
    by: Grouping,
    request: PageRequest,
    since: str | None = None,
    until: str | None = None,
    *,
    app_id: str | None = None,
) -> Listing[UsageTotal]:
    """The totals of so many names. A cursor is `=` and a name: that of nobody is empty."""
    name, rows = _rows(scope, by, since, until, app_id)
    behind = replace(request, cursor=request.cursor and request.cursor.removeprefix("="))
    listed = listing(tx, select(name).where(*rows).distinct(), name, behind, itemgetter(0))
    if not listed.data:
        return Listing((), None)
    found = totals(tx, scope, by, since, until, app_id=app_id, names=listed.data)
    return Listing(tuple(found), None if listed.next is None else f"={listed.next}")


def _rows(
    scope: Scope, by: Grouping, since: str | None, until: str | None, app_id: str | None
) -> tuple[Column[Any], list[ColumnElement[bool]]]:
    """The column to sum up by, and which rows of its table count."""
    of = users if by == "user" else table
    rows: list[ColumnElement[bool]] = [of.c.workspace == scope.workspace]
    if since is not None:
        rows.append(of.c.day >= since)
    if until is not None:
        rows.append(of.c.day <= until)
    if app_id is not None:
        rows.append(of.c.app_id == app_id)
    return of.c[_NAMES.get(by, by)], rows


def _named(end_user: str | None) -> str:
    return "" if end_user is None or end_user.startswith(f"{ANONYMOUS}_") else end_user


def _forget(tx: Transaction, which: ColumnElement[bool]) -> None:
    """Let what end users have used count for nobody in particular."""
    of = (users.c.day, users.c.app_id, users.c.currency, users.c.workspace)
    named = which & (users.c.end_user != "")
    sums = (func.sum(users.c[each]).label(each) for each in _COUNTED)
    rows = tx.execute(select(*of, *sums).where(named).group_by(*of)).all()
    nobodys: list[dict[str, Any]] = [{**row._mapping, "end_user": ""} for row in rows]
    dialect.upsert(tx, users, nobodys, add=_COUNTED)
    tx.execute(delete(users).where(named))


_OUTDATED = select(users.c.day).where(users.c.day < bindparam("oldest"), users.c.end_user != "")
"""Made once: making a statement takes longer than running it."""
