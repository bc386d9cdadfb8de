"""Layouts: what each part of a page is (heading, paragraph, table…), kept with the page text.

With them a document is split again in another way without its file: no reader runs, and the pages
that citations quote stay the very same.
"""

from __future__ import annotations

from sqlalchemy import select

from kb.store.engine import dialect, schema
from kb.store.engine.database import Transaction
from kb.types import Block, Page

table = schema.layouts
pages = schema.pages


def put(tx: Transaction, layouts: dict[tuple[str, int], tuple[Block, ...]]) -> None:
    """Store the layouts of document versions, in place of any that were there."""
    rows = [
        {"document_id": document_id, "version": version, "blocks": [list(b) for b in blocks]}
        for (document_id, version), blocks in layouts.items()
    ]
    dialect.upsert(tx, table, rows, replace=["blocks"])


def of_version(
    tx: Transaction, document_id: str, version: int
) -> tuple[tuple[Page, ...], tuple[Block, ...] | None]:
    """The pages of a document version, and its layout; None if it was stored without one."""
    own = {"document_id": document_id, "version": version}
    text = select(pages.c.number, pages.c.text).filter_by(**own).order_by(pages.c.number)
    found = tuple(Page(row.number, row.text) for row in tx.execute(text))
    blocks = tx.execute(select(table.c.blocks).filter_by(**own)).scalar_one_or_none()
    return found, None if blocks is None else tuple(Block(*block) for block in blocks)
