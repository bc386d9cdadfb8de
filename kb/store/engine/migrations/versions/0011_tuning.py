"""Fine-tuning: training sets, jobs and their events, the models that they made."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "training_sets",
        sa.Column("id", sa.String(), primary_key=True),
        *_texts("name", "description", "created_at", "workspace"),
        sa.Column("versions", sa.Integer(), nullable=False),
        sa.UniqueConstraint("workspace", "name"),
    )
    op.create_table(
        "training_set_versions",
        sa.Column("set_id", sa.String(), sa.ForeignKey("training_sets.id"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        *_texts("file_id", "sha256", "note", "created_at"),
        sa.Column("rows", sa.Integer(), nullable=False),
        *_json("splits", "report"),
    )
    op.create_table(
        "tuning_jobs",
        sa.Column("id", sa.String(), primary_key=True),
        *_texts("backend", "model", "task", "method", "training_file", "status", "created_at", "workspace"),
        *_optional("validation_file", "suffix", "started_at", "finished_at", "fine_tuned_model"),
        *_optional("remote_id", "key_id"),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("trained_tokens", sa.Integer()),
        *_json("hyperparameters"),
        *(sa.Column(name, sa.JSON()) for name in ("result_files", "error", "metadata", "diagnosis")),
    )
    op.create_table(
        "tuning_events",
        sa.Column("job_id", sa.String(), sa.ForeignKey("tuning_jobs.id"), primary_key=True),
        sa.Column("seq", sa.Integer(), primary_key=True),
        *_texts("created_at", "level", "kind", "message"),
        *_json("data"),
    )
    op.create_table(
        "tuned_models",
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("job_id", sa.String(), sa.ForeignKey("tuning_jobs.id"), nullable=False),
        *_texts("base", "task", "training_sha256", "template_hash", "separator", "created_at", "workspace"),
        *_optional("parent", "folder", "remote_model"),
        *_json("stop"),
    )


def _texts(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _optional(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.String()) for name in names]


def _json(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.JSON(), nullable=False) for name in names]
