"""What is counted of answers, and what becomes of it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine, text, update

from kb.store.access import budgets, usage
from kb.store.engine import schema
from kb.store.engine.database import Database
from kb.store.engine.migrations.upgrade import _config
from kb.store.engine.paging import Listing, PageRequest
from kb.store.engine.sqlite import SqliteDatabase
from kb.types import Budget, ModelUsage, Price, Scope, Usage
from tests.kb.store.test_database import made_by_the_first_schema

ADMIN = Scope.admin()
USED = Usage(1000, 100, estimated=False, cached_tokens=600, reasoning_tokens=40)


def count(database: Database, end_user: str | None = None, used: Usage = USED) -> None:
    spent = ModelUsage("m", used, Price(10.0, 20.0))
    database.writing(usage.count, ADMIN, "app", end_user, "base", spent)


def names(database: Database) -> dict[str, int]:
    return {row.name: row.answers for row in database.reading(usage.totals, ADMIN, "user")}


@pytest.mark.parametrize(
    ("price", "cost"),
    [
        (Price(10.0, 20.0), (1000 * 10 + 100 * 20) / 1e6),
        (Price(10.0, 20.0, 1.0), (400 * 10 + 600 * 1 + 100 * 20) / 1e6),
        (Price(price_out=20.0, price_cached=1.0), (600 * 1 + 100 * 20) / 1e6),
        (Price(), None),
    ],
)
def test_cached_tokens_have_a_price_of_their_own(price: Price, cost: float | None):
    assert ModelUsage("m", USED, price).cost == (None if cost is None else pytest.approx(cost))


def test_parts_of_the_tokens_are_told_apart(database: Database):
    count(database)
    count(database, used=Usage(7, 3, estimated=True))

    (row,) = database.reading(usage.totals, ADMIN, "model")
    assert (row.prompt_tokens, row.completion_tokens) == (1007, 103)
    assert (row.cached_tokens, row.reasoning_tokens, row.estimated_tokens) == (600, 40, 10)


@pytest.mark.parametrize("limit", [1, 2, 10])
def test_pages_add_up_to_the_whole_and_part_no_name(database: Database, limit: int):
    for user, price in (
        (None, Price()),
        ("", Price(10.0)),
        ("=x", Price(10.0)),
        ("anna", Price()),
        ("anna", Price(10.0, currency="CHF")),
        ("anna", Price(10.0)),
        ("ben", Price()),
        ("émile", Price()),
    ):
        database.writing(usage.count, ADMIN, "app", user, "base", ModelUsage("m", USED, price))

    parts = [database.reading(usage.page, ADMIN, "user", PageRequest(limit))]
    while (cursor := parts[-1].next) is not None:
        assert cursor  # also behind those without a name: clients take an empty one for the end
        parts.append(database.reading(usage.page, ADMIN, "user", PageRequest(limit, cursor)))

    whole = database.reading(usage.totals, ADMIN, "user")
    assert [row for part in parts for row in part.data] == whole
    assert [(row.name, row.currency) for row in whole] == [
        ("", "USD"),
        ("=x", "USD"),
        ("anna", "CHF"),
        ("anna", "USD"),
        ("ben", None),
        ("émile", None),
    ]
    assert [len({row.name for row in part.data}) for part in parts[:-1]] == [limit] * len(parts[1:])
    none = database.reading(usage.page, ADMIN, "user", PageRequest(limit), "2999-01-01")
    assert none == Listing((), None)


def test_visitors_without_a_name_have_no_rows_of_their_own(database: Database):
    for number in range(5):
        count(database, f"anonymous_{number:028x}")
    count(database, "anna")
    assert names(database) == {"": 5, "anna": 1}


def test_names_are_forgotten_after_a_time_and_their_usage_is_not(database: Database):
    for user in ("anna", "ben", None):
        count(database, user)
    long_ago = (datetime.now(UTC) - usage.NAMED - timedelta(days=1)).date().isoformat()
    with database.write() as tx:
        tx.execute(update(schema.user_usage).values(day=long_ago))

    count(database, "carla")
    assert names(database) == {"": 3, "carla": 1}


def test_a_budget_counts_its_day_or_month_only(database: Database, monkeypatch: pytest.MonkeyPatch):
    for period in ("day", "month"):
        database.writing(budgets.put, Budget("app", "app", "tokens", period, 2000.0))

    def spent_after_another(day: str) -> dict[str, tuple[float, str]]:
        for module in (usage, budgets):
            monkeypatch.setattr(module, "now", lambda: f"{day}T12:00:00.000Z")
        count(database)
        return {b.period: (b.spent, b.state) for b in database.reading(budgets.every)}

    assert spent_after_another("2026-05-30") == {"day": (1100, "good"), "month": (1100, "good")}
    spent = spent_after_another("2026-05-31")
    assert spent == {"day": (1100, "good"), "month": (2200, "exceeded")}
    assert spent_after_another("2026-06-01") == {"day": (1100, "good"), "month": (1100, "good")}
    assert spent_after_another("2026-06-01")["day"] == (2200, "exceeded")


def test_usage_of_before_is_kept_by_an_upgrade(tmp_path: Path):
    made_by_the_first_schema(tmp_path / "kb.db")
    with create_engine(f"sqlite:///{tmp_path / 'kb.db'}").begin() as older:
        config = _config()
        config.attributes["connection"] = older
        command.upgrade(config, "0013")
        older.execute(
            text(
                "INSERT INTO usage (day, key_id, app_id, model, workspace, answers, prompt_tokens,"
                " completion_tokens, cost) VALUES"
                " ('2026-05-30', 'k', 'app', 'dear', 'default', 2, 20, 10, 0.5),"
                " ('2026-05-30', '', 'app', 'free', 'default', 1, 5, 4, 0.0)"
            )
        )
    opened = SqliteDatabase(tmp_path / "kb.db")
    try:
        count(opened)
        by_model = {row.name: row for row in opened.reading(usage.totals, ADMIN, "model")}
        assert (by_model["dear"].cost, by_model["dear"].currency) == (0.5, "USD")
        assert (by_model["free"].answers, by_model["free"].currency) == (1, None)
        (nobody,) = opened.reading(usage.totals, ADMIN, "user", until="2026-05-30")
        assert (nobody.name, nobody.answers, nobody.prompt_tokens) == ("", 3, 25)
    finally:
        opened.close()
    with closing(sqlite3.connect(tmp_path / "kb.db")) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
