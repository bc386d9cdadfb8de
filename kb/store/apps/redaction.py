"""Taking a deleted document out of stored answers: its passages, its quotes, and its own words.

What stood in the answer word for word is blacked out character by character, so that the marks of
other citations stay where they are. What a model said in words of its own stays: it is part of a
conversation, which is deleted as a conversation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    String,
    bindparam,
    cast,
    delete,
    not_,
    select,
    tuple_,
    update,
)

from kb.store.apps import runs
from kb.store.engine import dialect, schema, visibility
from kb.store.engine.database import Database, Transaction
from kb.store.upkeep import erasures
from kb.types import Citation, Message, Scope

messages = schema.messages
idempotency = schema.idempotency
outcomes = schema.evaluation_outcomes
documents = schema.documents

BLACK = "\u2588"
LEAST = 20
"""Visible characters in a row that count as a document's own words."""

SLICE_ROWS = 100
"""Answers that are read at once, and the most that are changed in one transaction: the longest
write beside an erasure took 0.15 s with 100,000 answers (`bench.erasing`)."""


def redact_all(database: Database, document_ids: Collection[str]) -> int:
    """Redact every stored answer that rests on one of the documents; returns how many.

    First answers that are kept for repeated requests go as a whole, and so do streams that can be
    read again in any process: they would show the text again.
    All is read in slices and written in small transactions, so that no other write waits for long.
    What is stored meanwhile has been redacted before: see `now_redacted`.
    """
    gone = set(document_ids)
    number = 0
    for found in _mentioning(database, messages.c.sources, gone):
        with database.read() as tx:
            rows = tx.execute(select(messages).where(messages.c.id.in_([key for (key,) in found])))
            values = [
                {"key": row.id, **redacted(row.answer, row.sources, row.citations, gone)}
                for row in rows.all()
            ]
        if values:
            own = update(messages).where(messages.c.id == bindparam("key"))
            with database.write() as tx:
                tx.execute(own, values)
        number += len(values)
    for found in _mentioning(database, outcomes.c.passages, gone):
        with database.write() as tx:
            named = tuple_(*outcomes.primary_key).in_(found)
            for row in tx.execute(select(outcomes).where(named)).all():
                changed = redacted(row.answer or "", row.passages, (), gone)
                this = outcomes.c.run_id == row.run_id, outcomes.c.number == row.number
                tx.execute(update(outcomes).where(*this).values(**of_outcome(changed)))
        number += len(found)
    for found in _mentioning(
        database, idempotency.c.body, gone, idempotency.c.body.contains(erasures.SOURCES)
    ):
        with database.write() as tx:
            tx.execute(delete(idempotency).where(tuple_(*idempotency.primary_key).in_(found)))
    told = runs.events.c.events
    for found in _mentioning(database, told, gone, told.contains(runs.SOURCES)):
        with database.write_beside() as tx:
            runs.forget_soon(tx, {run_id for run_id, *_ in found})
    return number


def of_outcome(changed: Mapping[str, Any]) -> dict[str, Any]:
    """What changes in the outcome of an evaluation, from what changes in an answer."""
    return {"answer": changed["answer"] or None, "passages": changed["sources"]}


def now_redacted(tx: Transaction, message: Message) -> dict[str, Any]:
    """What changes in an answer before it is stored: a document can be deleted meanwhile."""
    used = {source["document_id"] for source in message.sources if "document_id" in source}
    gone = erasures.among(tx, used) if used else ()
    return redacted(message.answer, message.sources, message.citations, gone)


def redacted(
    answer: str,
    sources: Sequence[Mapping[str, Any]],
    citations: Sequence[Citation],
    gone: Collection[str],
) -> dict[str, Any]:
    """What changes in an answer that loses the words of documents that are gone."""
    if not gone:
        return {}
    lost = [source["text"] for source in sources if source["document_id"] in gone]
    lost += [citation.quote for citation in citations if citation.document_id in gone]
    empty = {"text": "", "heading": ""}
    return {
        "answer": blacked_out(answer, lost),
        "sources": [{**s, **empty} if s["document_id"] in gone else s for s in sources],
        "citations": tuple(replace(c, quote="") if c.document_id in gone else c for c in citations),
    }


def hidden(tx: Transaction, scope: Scope, answers: Iterable[Any]) -> set[str]:
    """The documents that some answers rest on, and that the labels of a scope do not open."""
    used = {source.get("document_id") for each in answers for source in each.sources} - {None}
    if scope.labels is None or not used:
        return set()
    named = dialect.among(documents.c.id, used), not_(visibility.is_seen(scope))
    return set(tx.execute(select(documents.c.id).where(*named)).scalars())


def seen(tx: Transaction, scope: Scope, found: Iterable[Message]) -> tuple[Message, ...]:
    """Messages for a reader, without sources and words of documents that are hidden from them."""
    every = tuple(found)
    gone = hidden(tx, scope, every)
    return tuple(_without(each, gone) for each in every) if gone else every


def _without(message: Message, gone: set[str]) -> Message:
    sources = [each for each in message.sources if each["document_id"] not in gone]
    citations = tuple(each for each in message.citations if each.document_id not in gone)
    changed = redacted(message.answer, message.sources, message.citations, gone)
    return replace(message, answer=changed["answer"], sources=sources, citations=citations)


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


def _mentioning(
    database: Database, column: Column[Any], gone: set[str], *where: ColumnElement[bool]
) -> Iterator[Sequence[tuple[str, ...]]]:
    """The primary keys of rows whose text names one of the documents, slice by slice."""
    keys = column.table.primary_key.columns.values()
    query = select(*keys, cast(column, String)).where(*where).order_by(*keys).limit(SLICE_ROWS)
    part = query
    while True:
        with database.read() as tx:
            rows = [tuple(row) for row in tx.execute(part)]
        if not rows:
            return
        if found := [row[:-1] for row in rows if gone & erasures.named_in(row[-1])]:
            yield found
        part = query.where(tuple_(*keys) > tuple_(*rows[-1][:-1]))
