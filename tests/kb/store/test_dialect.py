"""What the words of the database cost."""

from __future__ import annotations

from sqlalchemy import select

from kb.store.engine import dialect, schema
from kb.store.engine.sqlite import SqliteDatabase


def test_one_of_many_values_is_looked_up_in_the_index(tmp_path):
    database = SqliteDatabase(tmp_path / "kb.db")
    query = select(schema.chunks.c.text).where(dialect.among(schema.chunks.c.id, ["a", "b"]))
    with database.read() as tx:
        said = query.compile(dialect=tx.dialect)
        plan = tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {said}", ('["a", "b"]',)).all()
    database.close()
    assert any(row.detail.startswith("SEARCH chunks USING") for row in plan), plan
    assert not any(row.detail.startswith("SCAN chunks") for row in plan), plan
