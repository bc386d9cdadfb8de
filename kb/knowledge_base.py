"""The façade, and `open_kb`: the only place where parts are chosen and joined."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO

from kb.access import Access
from kb.chat.ask.chat_models import ChatModels
from kb.chat.chat import Chat
from kb.files.folder import DataFolder
from kb.files.originals import Originals
from kb.files.owners import Owner
from kb.index.applier import Applier
from kb.index.embedded_chroma.vectors import ChromaVectors
from kb.index.health import IndexHealth, NearestTexts, VerifiedKeywords
from kb.index.keywords import TantivyKeywords, self_test
from kb.iteration import batched
from kb.models.embed.embedders import Embedders, open_embedder
from kb.models.rerank.reranking import open_reranker
from kb.protocols import Embedder, KeywordIndex, Reranker, VectorIndex
from kb.search.searching import Searcher
from kb.settings import Settings
from kb.start_line import log_start
from kb.store.access.secrets import Secrets, read_or_create
from kb.store.content import datasets, documents
from kb.store.engine.database import Database, note_stop, stopped_cleanly
from kb.store.work import deletion, jobs
from kb.threads import SearchThreads
from kb.types import Dataset, Processing, Scope
from kb.upkeep.backup import Backup
from kb.upkeep.erasing import Erasing
from kb.upkeep.fsck import Fsck
from kb.upkeep.reindexing import Reindexing
from kb.upkeep.verification import Verification

logger = logging.getLogger(__name__)

COLLECTED_AT_ONCE = 500
"""Originals that are looked at in one transaction: a second at most for other writers to wait."""


@dataclass(frozen=True, slots=True)
class KnowledgeBase:
    """An open data folder with all its parts."""

    settings: Settings
    folder: DataFolder
    database: Database
    originals: Originals
    secrets: Secrets
    embedder: Embedder
    embedders: Embedders
    vectors: VectorIndex
    keywords: KeywordIndex
    applier: Applier
    searcher: Searcher
    search_threads: SearchThreads
    chat_models: ChatModels
    chat: Chat
    access: Access
    fsck: Fsck
    verification: Verification
    reindexing: Reindexing
    erasing: Erasing
    owner: Owner
    lock: IO[str]

    def create_dataset(
        self,
        scope: Scope,
        name: str,
        *,
        description: str = "",
        processing: Processing | None = None,
    ) -> Dataset:
        """Add a dataset for the configured embedder. Raises Conflict when the name is taken."""
        return self.database.writing(
            datasets.create,
            scope,
            name=name,
            embedder=self.embedder.fingerprint,
            model=self.embedders.configured,
            description=description,
            processing=processing,
        )

    def embedder_of(self, dataset: Dataset) -> Embedder:
        """The embedder whose vectors a dataset holds. Raises EmbedderMismatch or Rejected."""
        if dataset.embedder == self.embedder.fingerprint:
            return self.embedder
        return self.embedders.of(dataset)

    def delete_document(self, scope: Scope, document_id: str) -> None:
        """Delete a document: out of every answer at once, out of every file a little later."""
        with self.database.write() as tx:
            self.erasing.remember(tx, scope, [document_id])
            hashes = deletion.delete_document(tx, scope, document_id)
        self.collect_originals(hashes)

    def delete_dataset(self, scope: Scope, dataset_id: str) -> None:
        """Delete a dataset with everything in it."""
        with self.database.write() as tx:
            self.erasing.remember(tx, scope, documents.ids_of(tx, dataset_id))
            hashes = deletion.delete_dataset(tx, scope, dataset_id)
        self.collect_originals(hashes)

    def collect_originals(self, hashes: Iterable[str]) -> None:
        """Delete those of the originals that no document needs any more."""
        for part in batched(sorted(set(hashes)), COLLECTED_AT_ONCE):
            with self.database.write() as tx:
                for sha256 in part:
                    if not documents.needs_original(tx, sha256):
                        self.originals.remove(sha256)

    def backup(self) -> Backup:
        """Begin a backup, which the caller closes. Raises StorageFull."""
        return Backup(self.database, self.folder, self.originals, self.collect_originals)

    def close(self) -> None:
        """Finish the work in hand and release the folder."""
        with ExitStack() as last:  # also when the disk is full
            last.callback(self.lock.close)
            last.callback(self.database.close)
            last.callback(self.owner.close)
            self.verification.stop()
            self.erasing.stop()
            self.applier.stop()
            self.vectors.close()
            self.keywords.close()
            if self.verification.is_over():
                self.database.writing(note_stop, is_clean=True)


def open_kb(settings: Settings) -> KnowledgeBase:
    """Open a data folder, and make it if it is new.

    Raises:
        DataFolderLocked: another process owns it.
        Rejected: it was written by a newer version, or the embedding model is not on this machine.
        StorageFull: there is no room to make it.
        Unavailable: the search for words does not work with the libraries of this machine.
    """
    folder = DataFolder(settings.data_dir)
    lock = folder.lock()
    try:
        self_test()
        kb = _open(settings, folder, lock)
        log_start(settings, folder, kb.database)
        _recover(kb)
        return kb
    except BaseException:
        lock.close()
        raise


def _open(settings: Settings, folder: DataFolder, lock: IO[str]) -> KnowledgeBase:
    database = Database(folder.database)
    owner = Owner(folder.owners)
    originals = Originals(folder.originals, owner.id)
    vault = Secrets.open(folder.secret)
    embedders = _embedders(settings, folder)
    vector_health, keyword_health = IndexHealth(), IndexHealth()
    open_limit = settings.search.open_indexes
    vectors = ChromaVectors(folder.index, open_limit=open_limit, health=vector_health)
    keywords = TantivyKeywords(folder.index, open_limit=open_limit)
    applier = Applier(database, vectors, keywords, vector_health, keyword_health)
    searcher = Searcher(
        database,
        embedders,
        NearestTexts(vectors, vector_health, database),
        VerifiedKeywords(keywords, keyword_health),
        candidates=settings.search.candidates,
        threads=settings.search.threads,
        max_waiting=settings.search.max_waiting,
        reranker=_reranker(settings, folder),
    )
    fsck = Fsck(database, originals, vectors, keywords, applier, owner)
    verification = Verification(fsck, applier, vectors, vector_health, keyword_health)
    holders = (database, originals, applier, vault, folder, owner)
    models = ChatModels(database, vault, settings.llm)
    access = Access(database, vault, _admin_key(settings, folder))
    threads = SearchThreads(settings.search.threads, settings.search.max_waiting)
    return KnowledgeBase(
        settings=settings,
        folder=folder,
        database=database,
        originals=originals,
        secrets=vault,
        embedder=embedders.default,
        embedders=embedders,
        vectors=vectors,
        keywords=keywords,
        applier=applier,
        searcher=searcher,
        search_threads=threads,
        chat_models=models,
        chat=Chat(settings.chat, database, searcher, models, threads=threads, budget=access.tokens),
        access=access,
        fsck=fsck,
        verification=verification,
        reindexing=Reindexing(database, embedders),
        erasing=Erasing(*holders, verification.is_over, settings.maintenance.erase_after_s),
        owner=owner,
        lock=lock,
    )


def _recover(kb: KnowledgeBase) -> None:
    """Take up what dead processes left, and do not trust an index after an unclean stop."""
    living = kb.owner.living()
    kb.originals.sweep_staging(living)
    with kb.database.write() as tx:
        requeued = jobs.requeue_left(tx, living)
        was_clean = stopped_cleanly(tx)
        note_stop(tx, is_clean=False)
        datasets.adopt(tx, kb.embedder.fingerprint, kb.embedders.configured)
    if requeued:
        logger.info("%d documents were being indexed when the last process stopped", requeued)
    if not was_clean:
        kb.verification.start()
    kb.applier.start()
    kb.erasing.start()


def _embedders(settings: Settings, folder: DataFolder) -> Embedders:
    def open_one(name: str) -> Embedder:
        return open_embedder(
            name,
            cache_dir=folder.models,
            threads=settings.embedding.threads,
            batch_size=settings.embedding.batch_size,
        )

    return Embedders(settings.embedding.model, open_one)


def _reranker(settings: Settings, folder: DataFolder) -> Reranker | None:
    wanted = settings.rerank
    return open_reranker(
        model=wanted.model,
        base_url=wanted.base_url,
        api_key=wanted.api_key.get_secret_value() if wanted.api_key else None,
        cache_dir=folder.models,
        timeout_s=wanted.timeout_s,
    )


def _admin_key(settings: Settings, folder: DataFolder) -> str:
    if settings.admin_key is not None:
        return settings.admin_key.get_secret_value()
    return read_or_create(folder.admin_key, lambda: f"kbk_admin_{secrets.token_hex(24)}")
