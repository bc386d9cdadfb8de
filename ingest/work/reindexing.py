"""Builds the generations of datasets that do not answer (yet), and keeps them up.

A document is split anew from its stored pages and their layout, in a child as when it was read: its
file is not read again, and what citations quote stays the same. What a generation lacks is asked of
SQL each time, so a crash costs one load of documents, and uploads and deletions meanwhile need no
special care.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingest.sandbox.child import Unwanted
from ingest.types import Extraction
from ingest.work.engine import Readers
from ingest.work.pipeline import INTERNAL, plan_of
from kb.background import Loop
from kb.errors import KnowledgeBaseError, NotFound, StorageFull, Unavailable, UnreadableFile
from kb.files.originals import check_room
from kb.iteration import batched
from kb.knowledge_base import KnowledgeBase
from kb.protocols import Embedder, IndexKey
from kb.store.content import (
    datasets,
    documents,
    embeddings,
    generations,
    index_ops,
    indexed,
    pages,
    switching,
)
from kb.store.content.generations import Lacking
from kb.store.engine.database import Transaction
from kb.types import Block, Chunk, Dataset, Document, Failure, Generation, Page, Scope

logger = logging.getLogger(__name__)

SCOPE = Scope.admin()

DOCUMENTS_AT_ONCE = 16
TEXTS_AT_ONCE = 64
"""Small slices: the documents of uploads, whose embedding runs beside this, come in between."""
IDLE_S = 0.5
RARELY_S = 60.0
"""Between looks for generations that have expired, and for a model that is not on this machine."""


@dataclass(frozen=True, slots=True)
class _Split:
    """What became of one document: chunks and a receipt, or why there are none."""

    lacking: Lacking
    chunks: tuple[Chunk, ...] = ()
    receipt: Mapping[str, Any] | None = None
    error: Failure | None = None


class Reindexer(Loop):
    """Works in a thread of its own, on one generation at a time."""

    def __init__(self, kb: KnowledgeBase, readers: Readers) -> None:
        """`readers` split, and read the files of documents that were stored without a layout."""
        super().__init__("reindex", self._round, kb.database.wakeups, duty=kb.database.duty)
        self._kb = kb
        self._readers = readers
        self._looked_for_expired = float("-inf")
        self._resting_until: dict[IndexKey, float] = {}

    def _round(self) -> float:
        """One load of every generation that lacks something."""
        self._remove_expired()
        is_busy = False
        for dataset, generation in self._kb.database.reading(generations.beside):
            if self.is_stopping:
                return IDLE_S
            key = IndexKey(dataset.id, generation.number)
            if time.monotonic() < self._resting_until.get(key, 0.0):
                continue
            try:
                is_busy |= self._advance(dataset, generation)
            except StorageFull:
                raise
            except Exception as exc:  # the edge of a generation: the others can go on
                self._resting_until[key] = time.monotonic() + RARELY_S
                trace = None if isinstance(exc, KnowledgeBaseError) else exc
                logger.warning(
                    "generation %d is not built: %s", generation.number, exc, exc_info=trace
                )
        return 0.0 if is_busy else IDLE_S

    def _remove_expired(self) -> None:
        if time.monotonic() - self._looked_for_expired > RARELY_S:
            self._kb.reindexing.remove_expired(self._kb.settings.maintenance.keep_retired_s)
            self._looked_for_expired = time.monotonic()

    def _advance(self, dataset: Dataset, generation: Generation) -> bool:
        found = self._kb.database.reading(generations.lacking, generation, DOCUMENTS_AT_ONCE)
        if not found:
            self._finish(generation)
            return False
        check_room(self._kb.settings.data_dir)
        embedder = self._kb.embedders.matching(dataset.name, generation.model, generation.embedder)
        split = [each for each in (self._split(generation, embedder, i) for i in found) if each]
        texts = {embeddings.text_hash(c.index_text): c.index_text for s in split for c in s.chunks}
        self._embed(embedder, texts)
        if self.is_stopping:
            return False
        while lost := self._store(dataset, generation, split):
            if self.is_stopping:
                return False
            self._embed(embedder, {name: texts[name] for name in lost})
        return True

    def _finish(self, generation: Generation) -> None:
        """Ready is what lacks nothing and is wholly in its indexes."""
        if generation.status != "building":
            return
        with self._kb.database.write() as tx:
            waits = index_ops.waiting_ids(tx, generation.dataset_id, generation.number)
            if not waits and not generations.lacking(tx, generation, 1):
                generations.set_ready(tx, generation)

    def _split(self, generation: Generation, embedder: Embedder, lacking: Lacking) -> _Split | None:
        """Clean and split one document; None if that is not wanted any more."""
        try:
            return self._split_or_raise(generation, embedder, lacking)
        except StorageFull:
            raise
        except (NotFound, Unwanted, Unavailable):
            return None
        except KnowledgeBaseError as exc:
            return _Split(lacking, error=Failure(exc.code, exc.detail))
        except Exception:  # the edge of a document: the others go on
            logger.exception("document %s could not be re-indexed", lacking.document_id)
            return _Split(lacking, error=INTERNAL)

    def _split_or_raise(
        self, generation: Generation, embedder: Embedder, lacking: Lacking
    ) -> _Split:
        own = (generation.dataset_id, generation.number)

        def is_wanted() -> bool:
            beside = () if self.is_stopping else self._kb.database.reading(generations.beside)
            return any((g.dataset_id, g.number) == own for _, g in beside)

        document, extraction = self._extraction(lacking)
        prefix = index_ops.chunk_prefix(document.id, lacking.version, generation.number)
        size_bytes = (document.receipt or {}).get("bytes", document.size_bytes)
        plan = plan_of(generation.processing, embedder, prefix, document.id, size_bytes)
        processed = self._readers.process(extraction, plan, is_wanted)
        if processed.refusal is not None:
            raise processed.refusal
        receipt = {**processed.receipt, "vectors": len(processed.chunks)}
        return _Split(lacking, processed.chunks, receipt)

    def _extraction(self, lacking: Lacking) -> tuple[Document, Extraction]:
        with self._kb.database.read() as tx:
            document = documents.get(tx, SCOPE, lacking.document_id)
            text, blocks = pages.with_layout(tx, document.id, lacking.version)
        if blocks is None:
            blocks = self._read_again(document, lacking, text)
        known = document.receipt or {}
        return document, Extraction(
            pages=text,
            blocks=blocks,
            encoding=known.get("encoding"),
            encoding_confidence=known.get("encoding_confidence"),
            parser=known.get("parser", ""),
            warnings=tuple(known.get("warnings", ())),
            empty_pages=tuple(known.get("pages_without_text", ())),
        )

    def _read_again(
        self, document: Document, lacking: Lacking, pages: tuple[Page, ...]
    ) -> tuple[Block, ...]:
        """The layout of a document that was stored without; none if its file reads otherwise now.

        Text outside of blocks counts as paragraphs, so nothing is lost without them.
        """
        if document.version != lacking.version or not document.sha256:
            return ()
        encoding = self._kb.database.reading(documents.encoding_override, document.id)
        path = self._kb.originals.path(document.sha256)
        try:
            found = self._readers.read(path, document.media_type, encoding)
        except UnreadableFile:
            return ()
        return found.blocks if found.pages == pages else ()

    def _embed(self, embedder: Embedder, texts: Mapping[bytes, str]) -> None:
        """Make the vectors that are not known, committed slice by slice."""
        known = self._kb.database.reading(embeddings.known, embedder.fingerprint, texts)
        unknown = sorted((n for n in texts if n not in known), key=lambda n: len(texts[n]))
        for part in batched(unknown, TEXTS_AT_ONCE):
            if self.is_stopping:
                return
            vectors = embedder.embed_documents([texts[name] for name in part])
            own = {"owner": self._kb.owner.id}
            self._kb.database.writing(embeddings.put, embedder.fingerprint, part, vectors, **own)

    def _store(self, dataset: Dataset, generation: Generation, split: list[_Split]) -> set[bytes]:
        """Store a load in one transaction; returns texts that a deletion took the vectors of."""
        with self._kb.database.write() as tx:
            now = generations.get(tx, datasets.get(tx, SCOPE, dataset.id), generation.number)
            wanted = {
                (each.document_id, each.version)
                for each in generations.lacking_of(tx, now, [s.lacking for s in split])
            }
            good = [s for s in split if (s.lacking.document_id, s.lacking.version) in wanted]
            names = _hashes(good)
            if lost := names - embeddings.known(tx, generation.embedder, names):
                return lost
            for each in good:
                _put(tx, now, each)
            embeddings.collect_unused(tx, _hashes(split))  # of what was deleted or replaced
        return set()


def _hashes(split: list[_Split]) -> set[bytes]:
    return {embeddings.text_hash(chunk.index_text) for each in split for chunk in each.chunks}


def _put(tx: Transaction, generation: Generation, split: _Split) -> None:
    document_id, version = split.lacking.document_id, split.lacking.version
    number, count = generation.number, len(split.chunks)
    indexed.put_chunks(tx, document_id, version, number, split.chunks)
    switching.put_state(
        tx,
        generation,
        document_id,
        version,
        chunk_count=count,
        receipt=None if split.receipt is None else dict(split.receipt),
        error=split.error,
    )
    if count:
        index_ops.add(
            tx,
            "fill",
            generation.dataset_id,
            number,
            document_id=document_id,
            version=version,
            chunk_count=count,
        )
