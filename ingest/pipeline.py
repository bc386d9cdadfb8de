"""One document's way from its original to stored chunks: read, clean, split, embed, store.

`prepare` needs no model, `embed_and_store` no file: the worker runs the two side by side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.clean import clean
from ingest.sandbox import ReaderPool
from ingest.split import split
from ingest.types import Extraction, ReadOptions, Removal
from kb.batches import batched
from kb.errors import UnreadableFile
from kb.knowledge_base import KnowledgeBase
from kb.store import chunks, datasets, documents, embeddings, index_ops, jobs, pages
from kb.store.database import Transaction
from kb.store.jobs import Job
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


def prepare(kb: KnowledgeBase, readers: ReaderPool, job: Job) -> Prepared:
    """Read, clean and split the document of a job.

    Raises:
        UnreadableFile: it has no text, or its reader gave up; the reason names why.
        NotFound: it was deleted meanwhile.
    """
    with kb.database.read() as tx:
        document = documents.get(tx, SCOPE, job.document_id)
        dataset = datasets.get(tx, SCOPE, document.dataset_id)
        encoding = documents.encoding_override(tx, document.id)
    began = time.perf_counter()
    options = ReadOptions(encoding=encoding, max_characters=kb.settings.ingest.max_characters)
    extraction = readers.read(kb.originals.path(document.sha256), document.media_type, options)
    read_s = time.perf_counter() - began
    removals = clean(extraction.pages, extraction.blocks, dataset.processing.clean)
    found = split(
        extraction,
        removals,
        kb.embedder.tokenizer,
        chunk_prefix=index_ops.chunk_prefix(document.id, job.version, dataset.generation),
        document_id=document.id,
        max_tokens=kb.embedder.max_tokens,
        options=dataset.processing.split,
    )
    if not found:
        raise UnreadableFile("The file holds no text that could be searched.", reason="no_text")
    split_s = time.perf_counter() - began - read_s
    receipt = _receipt(document, extraction, removals, found, read_s=read_s, split_s=split_s)
    return Prepared(job, document, dataset, extraction.pages, tuple(found), receipt)


def embed_and_store(
    kb: KnowledgeBase, prepared: Sequence[Prepared], is_stopping: Callable[[], bool]
) -> list[Prepared]:
    """Embed what is new in some documents together, then store each in one fenced transaction.

    Returns those whose claim was still good; the others were replaced or deleted meanwhile. When
    the worker is stopping, vectors that are done are kept and nothing else is stored.
    """
    began = time.perf_counter()
    texts = {
        embeddings.text_hash(chunk.index_text): chunk.index_text
        for item in prepared
        for chunk in item.chunks
    }
    _embed_unknown(kb, texts, is_stopping)
    if is_stopping():
        return []
    share_s = (time.perf_counter() - began) / len(prepared)
    return [item for item in prepared if _store(kb, item, embed_s=share_s)]


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
    for part in batched(unknown, EMBED_AT_ONCE):
        if is_stopping():
            return
        vectors = embedder.embed_documents([texts[name] for name in part])
        kb.database.writing(embeddings.put, embedder.fingerprint, part, vectors)


def _store(kb: KnowledgeBase, item: Prepared, *, embed_s: float) -> bool:
    while True:
        with kb.database.write() as tx:
            if not jobs.is_held(tx, item.job):
                return False
            lost = _lost_texts(kb, tx, item)
            if not lost:
                _write(tx, item, embed_s)
                break
        _embed_unknown(kb, lost)  # a deletion took vectors that this document shares
    kb.applier.notify()
    return True


def _lost_texts(kb: KnowledgeBase, tx: Transaction, item: Prepared) -> dict[bytes, str]:
    texts = {embeddings.text_hash(chunk.index_text): chunk.index_text for chunk in item.chunks}
    known = embeddings.known(tx, kb.embedder.fingerprint, texts)
    return {name: text for name, text in texts.items() if name not in known}


def _write(tx: Transaction, item: Prepared, embed_s: float) -> None:
    document_id, version = item.document.id, item.job.version
    generation = item.dataset.generation
    pages.put(tx, document_id, version, item.pages)
    chunks.put(tx, document_id, version, generation, item.chunks)
    seconds = {**item.receipt["seconds"], "embed": round(embed_s, 3)}
    receipt = {**item.receipt, "vectors": len(item.chunks), "seconds": seconds}
    documents.set_receipt(tx, document_id, receipt, len(item.chunks))
    index_ops.add(
        tx,
        "add",
        item.dataset.id,
        generation,
        document_id=document_id,
        version=version,
        chunk_count=len(item.chunks),
    )
    jobs.drop(tx, document_id)


def _receipt(
    document: Document,
    extraction: Extraction,
    removals: Sequence[Removal],
    found: Sequence[Chunk],
    *,
    read_s: float,
    split_s: float,
) -> dict[str, Any]:
    removed: dict[str, int] = {}
    for removal in removals:
        removed[removal.rule] = removed.get(removal.rule, 0) + removal.end - removal.start
    return {
        "bytes": document.size_bytes,
        "characters": sum(len(page.text) for page in extraction.pages),
        "removed": removed,
        "pages": len(extraction.pages),
        "pages_without_text": list(extraction.empty_pages),
        "chunks": len(found),
        "truncated": 0,
        "encoding": extraction.encoding,
        "encoding_confidence": extraction.encoding_confidence,
        "parser": extraction.parser,
        "warnings": list(extraction.warnings),
        "seconds": {"read": round(read_s, 3), "split": round(split_s, 3)},
    }
