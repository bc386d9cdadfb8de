"""A knowledge base put to work in the test's own process: upload, index, publish, ask."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ingest.intake.upload import Acceptance, UploadedFile, accept
from ingest.work import embedding
from ingest.work.embedding import Prepared
from ingest.work.engine import EMBED_AT_ONCE
from ingest.work.worker import Worker
from kb.chat.ask.question import ChatRequest
from kb.errors import Unavailable
from kb.files.folder_originals import FolderOriginals
from kb.index.keyword_copies.node import LEFT, KeywordCopies
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.protocols import IndexKey
from kb.settings import EmbeddingSettings, Settings
from kb.store.apps import apps, models
from kb.store.content import documents, index_ops
from kb.store.engine import schema
from kb.store.engine.database import note_stop
from kb.store.engine.sqlite import SqliteDatabase
from kb.store.work import jobs
from kb.types import App, AppContent, Document, Failed, Limits, Model, RunEvent, Scope, Variant

ADMIN = Scope.admin()
PATIENCE_S = 180
"""For hundreds of documents over servers, on a machine that others use as well."""


def upload(
    kb: KnowledgeBase, dataset_id: str, files: Mapping[str, bytes | str], **options: Any
) -> Acceptance:
    """Stage and accept files, as an upload request does."""
    incoming = []
    for name, content in files.items():
        content = content.encode() if isinstance(content, str) else content
        incoming.append(UploadedFile(name, kb.originals.stage([content], max_bytes=10**7)))
    return accept(kb, ADMIN, dataset_id, incoming, **options)


@contextmanager
def working(kb: KnowledgeBase) -> Iterator[Worker]:
    """A worker that runs inside the block."""
    worker = Worker(kb)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop()


def finish(kb: KnowledgeBase) -> None:
    """Index everything that waits."""
    with working(kb) as worker:
        assert worker.wait_idle(PATIENCE_S)


def ingest(kb: KnowledgeBase, dataset_id: str, files: Mapping[str, bytes | str]) -> dict[str, str]:
    """Upload files and wait until they are searchable; returns name → document id."""
    accepted = upload(kb, dataset_id, files).accepted
    finish(kb)
    for item in accepted:
        assert document(kb, item.id).status == "ready", document(kb, item.id).error
    return {item.name: item.id for item in accepted}


def embed_and_store(
    kb: KnowledgeBase, prepared: Sequence[Prepared], is_stopping: Callable[[], bool] = lambda: False
) -> list[Prepared]:
    """Embed what is new in some documents, then store them.

    Returns those whose claim was still good; the others were replaced or deleted meanwhile. When
    the work is to stop, vectors that are done are kept and nothing else is stored.
    """
    embedding.look_up(kb, prepared)
    while any(item.texts for item in prepared):
        if is_stopping():
            return []
        embedding.embed(kb, embedding.divided(prepared, EMBED_AT_ONCE))
    good = embedding.store(kb, prepared)
    embedding.give_up(kb, prepared)
    return good


def claim(kb: KnowledgeBase) -> list[jobs.Job]:
    """Claim as a worker does that holds nothing."""
    take = partial(kb.database.writing, jobs.claim, kb.owner.id, "index")
    return take(16, is_begun=False) or take(1, is_begun=True)


def begin(kb: KnowledgeBase, job: jobs.Job) -> bool:
    """Begin a claim; False if it is no longer good."""
    with kb.database.write() as tx:
        good = jobs.begin(tx, [job])
        documents.set_statuses(tx, [job.subject for _ in good], "indexing")
    return bool(good)


def crash(kb: KnowledgeBase) -> None:
    """What the next start does after the process has died with claims in hand."""
    kb.database.writing(jobs.requeue_left, ())


def begin_all(kb: KnowledgeBase) -> list[jobs.Job]:
    claimed = claim(kb)
    assert all(begin(kb, job) for job in claimed)
    return claimed


def document(kb: KnowledgeBase, document_id: str) -> Document:
    return kb.database.reading(documents.get, ADMIN, document_id)


def stored(kb: KnowledgeBase) -> bytes:
    """Everything that the database keeps."""
    if not kb.settings.is_cluster:
        return kb.folder.database.read_bytes()
    with kb.database.read() as tx:
        tables = schema.metadata.sorted_tables
        return repr([tx.execute(select(table)).all() for table in tables]).encode()


def kept_hashes(kb: KnowledgeBase) -> set[str]:
    """Those of all originals that are kept; on the second kit what is deleted goes a little later,
    and what is new is no stray for a day."""
    settle(kb)
    if isinstance(kb.originals, FolderOriginals):
        return set(kb.originals.hashes())
    return {each.name for each in _bucket(kb).objects("originals")}


def settle(kb: KnowledgeBase) -> None:
    """Have the originals deleted now that are to go."""
    for loop in kb.loops:
        if hasattr(loop, "settle"):
            loop.settle()


def add_a_stray(kb: KnowledgeBase) -> str:
    """An original that no document needs."""
    sent = kb.originals.send([kb.originals.stage([b"stray"], max_bytes=10)])
    with kb.database.write() as tx:
        kb.originals.adopt(tx, sent)
    return sent.files[0].sha256


def lose_original(kb: KnowledgeBase, sha256: str) -> None:
    """As if it had never been stored."""
    kb.originals.path(sha256).unlink()
    if not isinstance(kb.originals, FolderOriginals):
        _bucket(kb).delete([f"originals/{sha256}"])


def change_original(kb: KnowledgeBase, sha256: str, content: bytes) -> None:
    """Give it other bytes, whose hash is not its name."""
    path = kb.originals.path(sha256)
    path.write_bytes(content)
    if not isinstance(kb.originals, FolderOriginals):
        _bucket(kb).put_file(f"originals/{sha256}", path)


def _bucket(kb: KnowledgeBase) -> Any:
    """Of the second kit."""
    return kb.originals._bucket  # type: ignore[attr-defined]


def keyword_ids(kb: KnowledgeBase, key: IndexKey) -> set[str]:
    """The chunks in the keyword index, which on the second kit is made a little later."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return kb.keywords.ids(key)
        except Unavailable:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def keyword_files(kb: KnowledgeBase) -> Any:
    """The keyword index in the folder: on the second kit, the copies of this process."""
    return kb.keywords._index if isinstance(kb.keywords, KeywordCopies) else kb.keywords


def register(kb: KnowledgeBase, base_url: str, *names: str) -> None:
    """Register models of the fake model server; a name is what it does."""
    for name in names:
        kb.database.writing(
            models.put, ADMIN, kb.secrets, Model(name, "openai", base_url, name, price_in=1.0)
        )


def publish(kb: KnowledgeBase, slug: str, **content: Any) -> App:
    """An app with one published version."""
    content.setdefault("base", Variant())
    with kb.database.write() as tx:
        app = apps.create(tx, ADMIN, slug=slug, name=slug)
        apps.set_draft(tx, ADMIN, app.id, AppContent(**content), expected=None)
        apps.publish(tx, ADMIN, app.id)
        return apps.get(tx, ADMIN, app.id)


def ask(
    kb: KnowledgeBase, app: str, query: str, scope: Scope = ADMIN, **fields: Any
) -> list[RunEvent]:
    """Every event of one answer."""

    async def whole() -> list[RunEvent]:
        run = await kb.chat.ask(scope, app, ChatRequest(query, **fields), Limits())
        async with aclosing(run.subscribe_batches()) as batches:
            found = [event async for batch in batches for _, event in batch]
        await kb.chat_models.close()  # connections belong to this loop
        return found

    events = asyncio.run(whole())
    assert not any(isinstance(e, Failed) and e.error.code == "internal_error" for e in events)
    return events


@contextmanager
def opened(data_dir: Path) -> Iterator[KnowledgeBase]:
    """A knowledge base for a whole test module; the `kb` fixture opens one per test."""
    embedding = EmbeddingSettings(model="hash")
    kb = open_kb(Settings(data_dir=data_dir, embedding=embedding, _env_file=None))
    try:
        yield kb
    finally:
        kb.close()


def leave_uncleanly(kb: KnowledgeBase) -> None:
    """Close as a kill would leave the folder: no mark of a clean stop, and no index as it was."""
    kb.close()
    if kb.settings.is_cluster:
        (kb.folder.index / LEFT).unlink()
        return
    database = SqliteDatabase(kb.folder.database)
    with database.write() as tx:
        note_stop(tx, is_clean=False)
        index_ops.put_seals(tx, {})
    database.close()
