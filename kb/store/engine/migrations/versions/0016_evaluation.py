"""Question sets, runs of them, and what became of each question."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "evaluation_sets",
        sa.Column("id", sa.String(), primary_key=True),
        *_texts("name", "description", "created_at", "workspace"),
        sa.Column("dataset_id", sa.String()),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.UniqueConstraint("workspace", "name"),
    )
    op.create_table(
        "evaluation_questions",
        sa.Column("set_id", sa.String(), sa.ForeignKey("evaluation_sets.id"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("question", sa.JSON(), nullable=False),
    )
    op.create_table(
        "evaluation_runs",
        sa.Column("id", sa.String(), primary_key=True),
        *_texts("set_id", "set_name", "status", "created_at", "workspace"),
        sa.Column("subject", sa.JSON(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer()) for name in ("done", "correct", "judged")),
        *_optional("started_at", "finished_at", "key_id"),
        *(sa.Column(name, sa.JSON()) for name in ("error", "summary")),
    )
    op.create_table(
        "evaluation_outcomes",
        sa.Column("run_id", sa.String(), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("question", sa.JSON(), nullable=False),
        *(sa.Column(name, sa.Boolean()) for name in ("is_done", "is_right")),
        *_optional("verdict", "answer", "error"),
        *(sa.Column(name, sa.JSON()) for name in ("passages", "metrics")),
        sa.Column("rank", sa.Integer()),
        sa.Column("took_ms", sa.Float()),
    )


def _texts(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _optional(*names: str) -> list[sa.Column]:
    return [sa.Column(name, sa.String()) for name in names]
