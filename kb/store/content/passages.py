"""Passages: what is returned in place of the chunks that were cut from it, once for all of them.

They live and die with the chunks of their document version; see `chunks.put` and `removal`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, and_, insert

from kb.store.engine import schema
from kb.store.engine.database import Transaction
from kb.types import Chunk, Passage, Span

table = schema.passages

COLUMNS = (
    table.c.spans.label("passage_spans"),
    table.c.text.label("passage_text"),
    table.c.index_text.label("passage_index_text"),
)


def put(
    tx: Transaction, document_id: str, version: int, generation: int, chunks: Sequence[Chunk]
) -> dict[tuple[Span, ...], int]:
    """Store the passages that chunks belong to; returns the number of each by its spans."""
    found = {chunk.parent.spans: chunk.parent for chunk in chunks if chunk.parent is not None}
    key = {"document_id": document_id, "version": version, "generation": generation}
    rows = [
        {
            **key,
            "position": position,
            "spans": passage.spans,
            "text": passage.text,
            "index_text": passage.index_text,
        }
        for position, passage in enumerate(found.values())
    ]
    if rows:
        tx.execute(insert(table), rows)
    return {spans: position for position, spans in enumerate(found)}


def joined(query: Select[Any]) -> Select[Any]:
    """A query of chunks with the passage of each, where it has one."""
    chunks = schema.chunks
    return query.outerjoin(
        table,
        and_(
            table.c.document_id == chunks.c.document_id,
            table.c.version == chunks.c.version,
            table.c.generation == chunks.c.generation,
            table.c.position == chunks.c.passage,
        ),
    )


def of_row(row: Row[Any]) -> Passage | None:
    """The passage in a row that holds `COLUMNS`."""
    if row.passage_spans is None:
        return None
    return Passage(row.passage_spans, row.passage_text, row.passage_index_text)
