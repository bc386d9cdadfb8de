"""One document's way from its original to stored chunks: read, clean, split, embed, store.

`prepare` needs no model, `embed_and_store` no file: the worker runs the two side by side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.processing import process
from ingest.receipt import receipt
from ingest.sandbox import ReaderPool
from ingest.types import ReadOptions
from kb.batches import batched
from kb.knowledge_base import KnowledgeBase
from kb.store import datasets, documents, embeddings, index_ops, indexed, jobs
from kb.store.database import Transaction
from kb.store.indexed import IndexedVersion
from kb.store.jobs import Job
from kb.store.originals import check_room
from kb.types import Chunk, Dataset, Document, Failure, Page, Scope

SCOPE = Scope.admin()

EMBED_AT_ONCE = 256
"""Texts per embedding call: enough to sort by length, few enough to save often (about 2 s)."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document version that is read, cleaned and split."""

    job: Job
    document: Document
    dataset: Dataset
    pages: tuple[Page, ...]
    chunks: tuple[Chunk, ...]
    receipt: Mapping[str, Any]


def begin(kb: KnowledgeBase, job: Job) -> bool:
    """Mark a document as being indexed; False if it was replaced or deleted meanwhile."""
    with kb.database.write() as tx:
        is_held = jobs.begin(tx, job)
        if is_held:
            documents.set_status(tx, job.document_id, "indexing")
        return is_held


def begin_all(kb: KnowledgeBase, claimed: Sequence[Job]) -> set[int]:
    """Mark documents as being indexed; returns the ids of the jobs that are still good."""
    with kb.database.write() as tx:
        good = jobs.begin_all(tx, claimed)
        ids = [job.document_id for job in claimed if job.id in good]
        documents.set_statuses(tx, ids, "indexing")
    return good


def prepare(kb: KnowledgeBase, readers: ReaderPool, job: Job) -> Prepared:
    """Read, clean and split the document of a job.

    Raises:
        UnreadableFile: it has no text, or its reader gave up; the reason names why.
        NotFound: it was deleted meanwhile.
        EmbedderMismatch: its dataset was built with another embedder than is configured now.
        Unbalanced: a character of it would be lost.
        StorageFull: what is left of the disk is not for indexing.
    """
    check_room(kb.settings.data_dir)
    with kb.database.read() as tx:
        document = documents.get(tx, SCOPE, job.document_id)
        dataset = datasets.get(tx, SCOPE, document.dataset_id)
        encoding = documents.encoding_override(tx, document.id)
    kb.check_embedder(dataset)
    began = time.perf_counter()
    options = ReadOptions(
        encoding=encoding,
        max_characters=kb.settings.ingest.max_characters,
        ocr_languages=kb.settings.ingest.ocr_languages,
    )
    extraction = readers.read(kb.originals.path(document.sha256), document.media_type, options)
    read_s = time.perf_counter() - began
    processed = process(
        extraction,
        dataset.processing,
        kb.embedder.tokenizer,
        max_tokens=kb.embedder.max_tokens,
        chunk_prefix=index_ops.chunk_prefix(document.id, job.version, dataset.generation),
        document_id=document.id,
    )
    if processed.refusal is not None:
        raise processed.refusal
    account = receipt(
        document.size_bytes,
        extraction,
        processed.removals,
        processed.chunks,
        sums=processed.balance,
        seconds={"read": read_s, **processed.seconds},
    )
    return Prepared(job, document, dataset, extraction.pages, processed.chunks, account)


def embed_and_store(
    kb: KnowledgeBase, prepared: Sequence[Prepared], is_stopping: Callable[[], bool]
) -> list[Prepared]:
    """Embed what is new in some documents together, then store them in one fenced transaction.

    Returns those whose claim was still good; the others were replaced or deleted meanwhile. When
    the worker is stopping, vectors that are done are kept and nothing else is stored.
    """
    began = time.perf_counter()
    _embed_unknown(kb, _texts(prepared), is_stopping)
    if is_stopping():
        return []
    share_s = (time.perf_counter() - began) / len(prepared)
    return _store(kb, prepared, embed_s=share_s)


def fail(kb: KnowledgeBase, job: Job, error: Failure) -> None:
    """Mark a document as failed, with the reason; its job is over."""
    with kb.database.write() as tx:
        if jobs.is_held(tx, job):
            documents.set_status(tx, job.document_id, "failed", error)
            jobs.drop(tx, job.document_id)


def _embed_unknown(
    kb: KnowledgeBase, texts: Mapping[bytes, str], is_stopping: Callable[[], bool] = lambda: False
) -> None:
    embedder = kb.embedder
    known = kb.database.reading(embeddings.known, embedder.fingerprint, texts)
    # By length, so that the texts of one model call need little padding.
    unknown = sorted((name for name in texts if name not in known), key=lambda n: len(texts[n]))
    calls = max(1, round(len(unknown) / EMBED_AT_ONCE))
    for part in batched(unknown, max(1, -(-len(unknown) // calls))):  # even: no call for a few
        if is_stopping():
            return
        vectors = embedder.embed_documents([texts[name] for name in part])
        kb.database.writing(embeddings.put, embedder.fingerprint, part, vectors)


def _store(kb: KnowledgeBase, prepared: Sequence[Prepared], *, embed_s: float) -> list[Prepared]:
    while True:
        with kb.database.write() as tx:
            held = jobs.held(tx, [item.job for item in prepared])
            good = [item for item in prepared if item.job.id in held]
            lost = _lost_texts(kb, tx, good)
            if not lost:
                indexed.put(tx, [_indexed(item, embed_s) for item in good])
                jobs.finish(tx, [item.job for item in good])
                break
        _embed_unknown(kb, lost)  # a deletion took vectors that these documents share
    kb.applier.notify()
    return good


def _lost_texts(
    kb: KnowledgeBase, tx: Transaction, prepared: Sequence[Prepared]
) -> dict[bytes, str]:
    texts = _texts(prepared)
    known = embeddings.known(tx, kb.embedder.fingerprint, texts)
    return {name: text for name, text in texts.items() if name not in known}


def _texts(prepared: Sequence[Prepared]) -> dict[bytes, str]:
    return {
        embeddings.text_hash(chunk.index_text): chunk.index_text
        for item in prepared
        for chunk in item.chunks
    }


def _indexed(item: Prepared, embed_s: float) -> IndexedVersion:
    seconds = {**item.receipt["seconds"], "embed": round(embed_s, 3)}
    return IndexedVersion(
        document_id=item.document.id,
        version=item.job.version,
        dataset_id=item.dataset.id,
        generation=item.dataset.generation,
        pages=item.pages,
        chunks=item.chunks,
        receipt={**item.receipt, "vectors": len(item.chunks), "seconds": seconds},
    )
