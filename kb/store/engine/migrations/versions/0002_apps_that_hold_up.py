"""What re-indexing beside, limits, replays and circuit breakers need."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Additive only: a data folder of the first schema keeps all it has."""
    _keys_with_limits()
    _replays_and_feedback()
    _ingestion()
    _generations()
    _erasures()


def _keys_with_limits() -> None:
    for column in (
        sa.Column("origins", sa.JSON(), nullable=True),
        sa.Column("limits", sa.JSON(), nullable=True),
        sa.Column("expires_at", sa.String(), nullable=True),
        sa.Column("previous_digest", sa.LargeBinary(32), nullable=True),
        sa.Column("previous_until", sa.String(), nullable=True),
    ):
        op.add_column("keys", column)
    op.create_table(
        "app_access",
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("origins", sa.JSON(), nullable=False),
        sa.Column("limits", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("app_id", name=op.f("pk_app_access")),
    )
    op.create_table(
        "usage",
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("model", sa.String(), nullable=False),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("answers", sa.Integer(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("day", "key_id", "app_id", "model", name=op.f("pk_usage")),
    )


def _ingestion() -> None:
    """Progress inside a document, why a file was left out, and vectors by text."""
    op.add_column("jobs", sa.Column("progress", sa.Float(), nullable=True))
    op.add_column("batch_items", sa.Column("note", sa.JSON(), nullable=True))
    op.add_column("index_ops", sa.Column("texts", sa.LargeBinary(), nullable=True))
    op.create_table(
        "strides",
        sa.Column("batch_id", sa.String(), nullable=False),
        sa.Column("second", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", "second", name=op.f("pk_strides")),
    )
    # Vectors were kept by chunk before: the next start must not trust an index, and rebuilds it.
    op.execute("UPDATE marks SET value = 'no' WHERE name = 'clean_stop'")


def _replays_and_feedback() -> None:
    op.add_column("app_versions", sa.Column("datasets", sa.JSON(), nullable=True))
    op.add_column("conversations", sa.Column("replay_of", sa.String(), nullable=True))
    op.create_index(op.f("ix_conversations_replay_of"), "conversations", ["replay_of"])
    for column in (
        sa.Column("cost", sa.Float(), nullable=True),
        sa.Column("unsupported", sa.JSON(), nullable=True),
        sa.Column("search_query", sa.Text(), nullable=True),
        sa.Column("inputs", sa.JSON(), nullable=True),
        sa.Column("replay_of", sa.String(), nullable=True),
        sa.Column("suggested", sa.JSON(), nullable=True),
    ):
        op.add_column("messages", column)
    op.create_table(
        "feedback",
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("rating", sa.String(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("better_answer", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("updated_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_feedback_message_id")
        ),
        sa.PrimaryKeyConstraint("message_id", "source", name=op.f("pk_feedback")),
    )
    op.create_index(op.f("ix_feedback_app_id"), "feedback", ["app_id"])
    op.create_table(
        "annotations",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("app_id", sa.String(), nullable=False),
        sa.Column("wording", sa.String(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_annotations_app_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_annotations")),
        sa.UniqueConstraint("app_id", "wording", name=op.f("uq_annotations_app_id_wording")),
    )


def _generations() -> None:
    """Generations beside the live one, with what indexing needs to split a text again."""
    op.add_column("datasets", sa.Column("model", sa.Text(), nullable=True))
    op.create_table(
        "generations",
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("processing", sa.JSON(), nullable=False),
        sa.Column("embedder", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("ready_at", sa.String(), nullable=True),
        sa.Column("live_at", sa.String(), nullable=True),
        sa.Column("retired_at", sa.String(), nullable=True),
        sa.Column("removed_at", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("dataset_id", "number", name=op.f("pk_generations")),
    )
    op.execute(
        "INSERT INTO generations (dataset_id, number, processing, embedder, created_at, ready_at,"
        " live_at) SELECT id, generation, processing, embedder, created_at, created_at, created_at"
        " FROM datasets"
    )
    op.create_table(
        "generation_documents",
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("chunk_count", sa.Integer(), nullable=False),
        sa.Column("receipt", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_generation_documents_document_id")
        ),
        sa.PrimaryKeyConstraint("document_id", "generation", name=op.f("pk_generation_documents")),
    )
    op.create_table(
        "layouts",
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("blocks", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["documents.id"], name=op.f("fk_layouts_document_id")
        ),
        sa.PrimaryKeyConstraint("document_id", "version", name=op.f("pk_layouts")),
    )


def _erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("document_id", sa.String(), nullable=False),
        sa.Column("workspace", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=False),
        sa.Column("deleted_at", sa.String(), nullable=False),
        sa.Column("not_before", sa.Float(), nullable=False),
        sa.Column("originals", sa.JSON(), nullable=False),
        sa.Column("samples", sa.LargeBinary(), nullable=True),
        sa.Column("erased_at", sa.String(), nullable=True),
        sa.Column("checks", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_erasures")),
    )
    op.create_index(op.f("ix_erasures_erased_at"), "erasures", ["erased_at"])
    op.create_index(op.f("ix_batch_items_name"), "batch_items", ["name"])
