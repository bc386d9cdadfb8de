"""Nodes of a cluster have copies of keyword indexes."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "index_copies",
        sa.Column("node", sa.String(), primary_key=True),
        sa.Column("dataset_id", sa.String(), primary_key=True),
        sa.Column("generation", sa.Integer(), primary_key=True),
        sa.Column("applied_seq", sa.Integer(), nullable=False),
        sa.Column("missed_seq", sa.Integer(), nullable=False),
        sa.Column("renewed", sa.Integer(), nullable=False),
        sa.Column("renewals", sa.Integer(), nullable=False),
    )
    op.create_index(
        op.f("ix_index_copies_dataset_id_generation"), "index_copies", ["dataset_id", "generation"]
    )
