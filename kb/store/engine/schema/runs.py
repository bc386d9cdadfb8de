"""Runs that other processes may follow, their events, and what processes count together."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, String, Table, Text, text

from kb.store.engine.schema.columns import metadata

GOES_ON = text("terminal IS NULL")

runs = Table(
    "runs",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("key_id", String),
    Column("external_id", String, index=True),
    Column("expected_tokens", Integer, nullable=False),
    Column("unfinished", Text, nullable=False),
    Column("followed_until", Float, nullable=False),
    Column("stop", String),
    Column("kept", Integer),
    Column("last", Integer),
    Column("terminal", Text),
    Column("ended_at", Float, index=True),
    Index("ix_runs_in_progress", "owner", sqlite_where=GOES_ON, postgresql_where=GOES_ON),
)

run_events = Table(
    "run_events",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("events", Text, nullable=False),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String, primary_key=True),
    Column("owner", String, primary_key=True),
    Column("value", Float, nullable=False),
    Column("at", Float, nullable=False),
)

turns = Table(
    "turns",
    metadata,
    Column("name", String, primary_key=True),
    Column("owner", String, nullable=False),
)
