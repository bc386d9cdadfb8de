"""The passage behind a source of an answer, for whoever may read the answer.

The right to read a message is the right to read its sources: an app key opens no dataset, yet its
users may look at what they were told. So the page is read with the operator's eyes, and only the
characters around a source that the message itself names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kb.errors import NotFound
from kb.store.apps import conversations
from kb.store.content import chunks, pages
from kb.store.engine.database import Transaction
from kb.types import Scope

SURROUNDINGS = 600
"""Characters shown on each side of a passage."""


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
    before, text, after = _in_page(tx, source)
    place = {
        name: source[name] for name in ("document_id", "document_name", "page", "start", "end")
    }
    return {"n": n, **place, "before": before, "text": text, "after": after}


def _in_page(tx: Transaction, source: Mapping[str, Any]) -> tuple[str, str, str]:
    stored: str = source["text"]
    operator = Scope.admin()
    if not chunks.live(tx, operator, [source["chunk_id"]]):
        return "", stored, ""
    start, end = source["start"], source["end"]
    first, text = pages.around(
        tx,
        operator,
        source["document_id"],
        source["page"],
        start=start - SURROUNDINGS,
        end=end + SURROUNDINGS,
    )
    return text[: start - first], text[start - first : end - first], text[end - first :]
