"""The passage behind a source of an answer, for whoever may read the answer.

The right to read a message is the right to read its sources: an app key opens no dataset, yet its
users may look at what they were told. So the page is read with the operator's eyes, and only the
characters around a source that the message itself names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kb.errors import NotFound
from kb.store.apps import conversations
from kb.store.content import chunks, documents, pages
from kb.store.engine.database import Transaction
from kb.types import Block, Scope

SURROUNDINGS = 600
"""Characters shown on each side of a passage."""

LONGEST_LAYOUT = 4_000_000
"""Characters of a stored layout, some 150,000 parts; one that is longer is not read for a click."""


def passage(tx: Transaction, scope: Scope, message_id: str, n: int) -> dict[str, Any]:
    """Source `n` of a message with its surroundings.

    If the document was replaced or deleted meanwhile, the passage stands alone, as it was stored;
    that of a deleted one is empty once that is erased.

    Raises:
        NotFound: the message cannot be seen, or has no such source.
    """
    message = conversations.message(tx, scope, message_id)
    source = next((item for item in message.sources if item["n"] == n), None)
    if source is None:
        raise NotFound("source", f"{n} of {message_id}")
    place = {
        name: source[name] for name in ("document_id", "document_name", "page", "start", "end")
    }
    return {"n": n, **place, **_in_page(tx, source)}


def _in_page(tx: Transaction, source: Mapping[str, Any]) -> dict[str, Any]:
    operator = Scope.admin()
    if not chunks.live(tx, operator, [source["chunk_id"]]):
        alone = {"before": "", "text": source["text"], "after": ""}
        return {**alone, "media_type": "text/plain", "blocks": ()}
    start, end = source["start"], source["end"]
    first, text = pages.around(
        tx,
        operator,
        source["document_id"],
        source["page"],
        start=start - SURROUNDINGS,
        end=end + SURROUNDINGS,
    )
    document = documents.get(tx, operator, source["document_id"])
    layout = pages.layout(tx, document, most=LONGEST_LAYOUT)
    return {
        "before": text[: start - first],
        "text": text[start - first : end - first],
        "after": text[end - first :],
        "media_type": document.media_type,
        "blocks": tuple(_clipped(layout, source["page"], first, first + len(text))),
    }


def _clipped(layout: Iterable[Block], page: int, first: int, last: int) -> Iterator[Block]:
    """The parts of a page between two places, counted from the first."""
    for block in layout:
        if block.page == page and block.start < last and block.end > first:
            start, end = max(block.start, first) - first, min(block.end, last) - first
            yield block._replace(start=start, end=end)
