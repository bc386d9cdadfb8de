"""Taking a deleted document out of stored answers: its passages, its quotes, and its own words.

What stood in the answer word for word is blacked out character by character, so that the marks of
other citations stay where they are. What a model said in words of its own stays: it is part of a
conversation, which is deleted as a conversation.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import String, cast, delete, select, update

from kb.iteration import batched
from kb.store.engine import schema
from kb.store.engine.database import VARIABLES, Transaction
from kb.store.upkeep import erasures
from kb.types import Message

messages = schema.messages
idempotency = schema.idempotency

BLACK = "\u2588"
LEAST = 20
"""Visible characters in a row that count as a document's own words."""

_DOCUMENT_ID = re.compile(r"doc_[0-9a-f]{28}")


def redact_all(tx: Transaction, document_ids: Collection[str]) -> int:
    """Redact every stored answer that rests on one of the documents; returns how many.

    First answers that are kept for repeated requests go as a whole: they would show the text again.
    """
    gone = set(document_ids)
    found = _mentioning(tx, messages.c.id, cast(messages.c.sources, String), gone)
    for part in batched(found, VARIABLES):
        for row in tx.execute(select(messages).where(messages.c.id.in_(part))).all():
            values = redacted(row.answer, row.sources, row.citations, gone)
            tx.execute(update(messages).where(messages.c.id == row.id).values(**values))
    _forget_first_answers(tx, gone)
    return len(found)


def now_redacted(tx: Transaction, message: Message) -> dict[str, Any]:
    """An answer as it may be stored: a document can be deleted while the answer is written."""
    sources = [dict(source) for source in message.sources]
    citations = [asdict(citation) for citation in message.citations]
    used = {source["document_id"] for source in sources if "document_id" in source}
    gone = erasures.among(tx, used) if used else ()
    return redacted(message.answer, sources, citations, gone)


def redacted(
    answer: str,
    sources: Sequence[Mapping[str, Any]],
    citations: Sequence[Mapping[str, Any]],
    gone: Collection[str],
) -> dict[str, Any]:
    """An answer without the words of documents that are gone."""
    if not gone:
        return {"answer": answer, "sources": list(sources), "citations": list(citations)}
    lost = [source["text"] for source in sources if source["document_id"] in gone]
    lost += [citation["quote"] for citation in citations if citation["document_id"] in gone]
    return {
        "answer": blacked_out(answer, lost),
        "sources": _without(sources, gone, "text", "heading"),
        "citations": _without(citations, gone, "quote"),
    }


def blacked_out(answer: str, texts: Iterable[str]) -> str:
    """The answer with a black character for each that stands in one of the texts, too, in a row of
    at least `LEAST` visible ones; white space does not count, for answers lay text out anew."""
    places = [at for at, character in enumerate(answer) if not character.isspace()]
    plain = "".join(answer[at] for at in places)
    hidden = set[int]()
    for text in texts:
        whole = "".join(text.split())
        known = {whole[at : at + LEAST] for at in range(len(whole) - LEAST + 1)}
        for at in range(len(plain) - LEAST + 1):
            if plain[at : at + LEAST] in known:
                hidden.update(places[at : at + LEAST])
        if 0 < len(whole) < LEAST:  # a short text is its own least
            at = plain.find(whole)
            hidden.update(places[at : at + len(whole)] if at >= 0 else ())
    return "".join(BLACK if at in hidden else character for at, character in enumerate(answer))


def _without(
    items: Sequence[Mapping[str, Any]], gone: Collection[str], *fields: str
) -> list[dict[str, Any]]:
    empty = dict.fromkeys(fields, "")
    return [{**item, **empty} if item["document_id"] in gone else dict(item) for item in items]


def _forget_first_answers(tx: Transaction, gone: set[str]) -> None:
    keyed = idempotency.c.key + "\n" + idempotency.c.caller
    for name in _mentioning(tx, keyed, idempotency.c.body, gone, also='"sources"'):
        key, _, caller = name.partition("\n")
        tx.execute(delete(idempotency).filter_by(key=key, caller=caller))


def _mentioning(
    tx: Transaction, name: Any, text: Any, gone: set[str], *, also: str = ""
) -> list[str]:
    rows = tx.execute(select(name.label("name"), text.label("text")))
    return [
        row.name
        for row in rows
        if row.text and also in row.text and not gone.isdisjoint(_DOCUMENT_ID.findall(row.text))
    ]
