"""Fine-tuning: training sets and their versions, jobs and their events, tuned models."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKeyConstraint, String, Table, UniqueConstraint

from kb.store.engine.schema.columns import columns, metadata
from kb.types import TrainingSet, TrainingSetVersion, TunedModel, TuningEvent, TuningJob

training_sets = Table(
    "training_sets",
    metadata,
    *columns(TrainingSet, "id"),
    Column("workspace", String, nullable=False),
    UniqueConstraint("workspace", "name"),
)

training_set_versions = Table(
    "training_set_versions",
    metadata,
    *columns(TrainingSetVersion, "set_id", "number"),
    ForeignKeyConstraint(["set_id"], ["training_sets.id"]),
)

tuning_jobs = Table(
    "tuning_jobs",
    metadata,
    *columns(TuningJob, "id"),
    Column("workspace", String, nullable=False),
)

tuning_events = Table(
    "tuning_events",
    metadata,
    *columns(TuningEvent, "job_id", "seq"),
    ForeignKeyConstraint(["job_id"], ["tuning_jobs.id"]),
)

tuned_models = Table(
    "tuned_models",
    metadata,
    *columns(TunedModel, "name"),
    Column("workspace", String, nullable=False),
    ForeignKeyConstraint(["job_id"], ["tuning_jobs.id"]),
)
