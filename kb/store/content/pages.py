"""Page text and layout: written once per document version, never changed.

A layout says what each part of a page is (heading, paragraph, table…). With it a document is split
again in another way without its file, and the pages that citations quote stay the very same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import (
    CompoundSelect,
    Row,
    String,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    union_all,
)

from kb.errors import NotFound
from kb.store.content import documents
from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest, listing
from kb.store.engine.schema.columns import of_row
from kb.types import Block, Document, Page, Scope, Span

table = schema.pages

Slice = tuple[str, int, Span]
"""Characters of one page of a document version: document id, version, span."""


def of_document(
    tx: Transaction, scope: Scope, document_id: str, request: PageRequest
) -> Listing[Page]:
    """A part of the pages of the live version."""
    document = documents.get(tx, scope, document_id)
    query = select(table).filter_by(document_id=document_id, version=document.live_version)
    return listing(tx, query, table.c.number, request, partial(of_row, Page))


def slices(tx: Transaction, wanted: Sequence[Slice]) -> dict[Slice, str]:
    """The text of each slice; those of versions that are gone are left out."""
    values: dict[str, Any] = {}
    for n, (document_id, version, span) in enumerate(wanted):
        values |= {f"document_id_{n}": document_id, f"version_{n}": version, f"page_{n}": span.page}
        values |= {f"start_{n}": span.start + 1, f"length_{n}": span.end - span.start}
    rows = tx.execute(_slices(len(wanted)), values) if wanted else ()
    return {wanted[row.n]: row.part for row in rows}


@lru_cache(maxsize=64)  # making a statement takes longer than running it
def _slices(number: int) -> CompoundSelect[Any]:
    return union_all(
        *(
            select(
                literal_column(str(n)).label("n"),
                func.substr(table.c.text, bindparam(f"start_{n}"), bindparam(f"length_{n}")).label(
                    "part"
                ),
            ).where(
                table.c.document_id == bindparam(f"document_id_{n}"),
                table.c.version == bindparam(f"version_{n}"),
                table.c.number == bindparam(f"page_{n}"),
            )
            for n in range(number)
        )
    )


def around(
    tx: Transaction, scope: Scope, document_id: str, number: int, *, start: int, end: int
) -> tuple[int, str]:
    """Characters `start` to `end` of a live page, clipped to it: (true start, text).

    Raises:
        NotFound: the document or the page is gone.
    """
    document = documents.get(tx, scope, document_id)
    start = max(start, 0)
    query = select(func.substr(table.c.text, start + 1, end - start).label("part")).where(
        table.c.document_id == document_id,
        table.c.version == document.live_version,
        table.c.number == number,
    )
    row: Row[tuple[str]] | None = tx.execute(query).one_or_none()
    if row is None:
        raise NotFound("page", f"{number} of {document_id}")
    return start, row.part


def put_layouts(tx: Transaction, layouts: dict[tuple[str, int], tuple[Block, ...]]) -> None:
    """Store the layouts of document versions, in place of any that were there."""
    rows = [
        {"document_id": document_id, "version": version, "blocks": blocks}
        for (document_id, version), blocks in layouts.items()
    ]
    dialect.upsert(tx, schema.layouts, rows, replace=["blocks"])


def layout(tx: Transaction, document: Document, *, most: int) -> tuple[Block, ...]:
    """What the parts of the live version are; none where that takes more than `most` characters."""
    blocks = schema.layouts.c.blocks
    query = select(blocks).filter_by(document_id=document.id, version=document.live_version)
    return (
        tx.execute(query.where(func.length(cast(blocks, String)) <= most)).scalar_one_or_none()
        or ()
    )


def with_layout(
    tx: Transaction, document_id: str, version: int
) -> tuple[tuple[Page, ...], tuple[Block, ...] | None]:
    """The pages of a document version, and its layout; None if it was stored without one."""
    own = {"document_id": document_id, "version": version}
    text = select(table).filter_by(**own).order_by(table.c.number)
    found = tuple(of_row(Page, row) for row in tx.execute(text))
    return found, tx.execute(select(schema.layouts.c.blocks).filter_by(**own)).scalar_one_or_none()
