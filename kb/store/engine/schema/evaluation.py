"""Evaluation: question sets and their questions, runs and what became of each question."""

from __future__ import annotations

from sqlalchemy import JSON, Column, ForeignKey, Integer, String, Table, UniqueConstraint

from kb.store.engine.schema.columns import columns, metadata
from kb.types import EvaluationOutcome, EvaluationRun, EvaluationSet

evaluation_sets = Table(
    "evaluation_sets",
    metadata,
    *columns(EvaluationSet, "id"),
    Column("workspace", String, nullable=False),
    UniqueConstraint("workspace", "name"),
)

evaluation_questions = Table(
    "evaluation_questions",
    metadata,
    Column("set_id", String, ForeignKey("evaluation_sets.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("question", JSON, nullable=False),
)

evaluation_runs = Table(
    "evaluation_runs",
    metadata,
    *columns(EvaluationRun, "id"),
    Column("workspace", String, nullable=False),
)

evaluation_outcomes = Table(
    "evaluation_outcomes",
    metadata,
    *columns(EvaluationOutcome, "run_id", "number"),
)
