"""Page text: written once per document version, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Row, bindparam, delete, func, insert, select

from kb.errors import NotFound
from kb.store.content import documents
from kb.store.engine import schema
from kb.store.engine.database import Transaction
from kb.store.engine.paging import PageRequest
from kb.types import Page, Scope, Span

table = schema.pages


def put(tx: Transaction, document_id: str, version: int, pages: Sequence[Page]) -> None:
    """Store the pages of a version, in place of any that were there."""
    key = {"document_id": document_id, "version": version}
    tx.execute(delete(table).filter_by(**key))
    rows = [{**key, "number": page.number, "text": page.text} for page in pages]
    if rows:
        tx.execute(insert(table), rows)


def of_document(
    tx: Transaction, scope: Scope, document_id: str, request: PageRequest
) -> tuple[list[Page], str | None]:
    """Some pages of the live version, and the cursor of the rest."""
    document = documents.get(tx, scope, document_id)
    query = (
        select(table.c.number, table.c.text)
        .where(table.c.document_id == document_id, table.c.version == document.live_version)
        .where(table.c.number > int(request.cursor or 0))
        .order_by(table.c.number)
        .limit(request.limit + 1)
    )
    found = [Page(row.number, row.text) for row in tx.execute(query)]
    shown = found[: request.limit]
    return shown, str(shown[-1].number) if len(found) > len(shown) else None


def slices(
    tx: Transaction, places: Iterable[tuple[str, int, Span]]
) -> dict[tuple[str, int, Span], str]:
    """The characters at some places: (document id, version, span) → text; gone versions lack."""
    found = {}
    for document_id, version, span in places:
        text = tx.execute(
            _SLICE,
            {
                "document_id": document_id,
                "version": version,
                "number": span.page,
                "start": span.start + 1,
                "length": span.end - span.start,
            },
        ).scalar_one_or_none()
        if text is not None:
            found[document_id, version, span] = text
    return found


# Made once: making a statement takes longer than running it.
_SLICE = select(func.substr(table.c.text, bindparam("start"), bindparam("length"))).where(
    table.c.document_id == bindparam("document_id"),
    table.c.version == bindparam("version"),
    table.c.number == bindparam("number"),
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
