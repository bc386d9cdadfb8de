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
from kb.chat.ask.intents import Intents
from kb.chat.chat import Chat
from kb.embedder_choice import chosen
from kb.errors import DatabaseDamaged, DataFolderLocked
from kb.files.folder import DataFolder
from kb.files.originals import Originals, full_disk_reported
from kb.files.owners import Owner
from kb.index.applier import Applier
from kb.index.embedded_chroma.vectors import ChromaVectors
from kb.index.health import IndexHealth
from kb.index.keywords import TantivyKeywords, self_test
from kb.iteration import batched
from kb.models.embed.embedders import Embedders, open_embedder
from kb.models.rerank.reranking import open_reranker
from kb.protocols import Embedder, KeywordIndex, Reranker, VectorIndex
from kb.search.fallback import MatchingChunks, NearestTexts
from kb.search.searching import Searcher
from kb.settings import Settings
from kb.start_line import log_start
from kb.store.access.secrets import Secrets, read_or_create
from kb.store.content import datasets, documents, generations, index_ops
from kb.store.engine.database import Database, damage, note, note_stop, stopped_cleanly
from kb.store.work import deletion, jobs, uploads
from kb.threads import SearchThreads
from kb.types import Dataset, Processing, Quota, Scope
from kb.upkeep import belonging
from kb.upkeep.backup import Backup
from kb.upkeep.belonging import Stamp
from kb.upkeep.erasing import Erasing
from kb.upkeep.fsck import Fsck
from kb.upkeep.index_check import IndexCheck
from kb.upkeep.reindexing import Reindexing
from kb.upkeep.repairing import Repairing
from kb.upkeep.strays import Strays

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
    index_health: IndexHealth
    repairing: Repairing
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
        quota: Quota | None = None,
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
            quota=quota,
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
            unfinished = uploads.of_dataset(tx, dataset_id)
            hashes = deletion.delete_dataset(tx, scope, dataset_id)
        self.collect_originals(hashes)
        for upload_id in unfinished:
            (self.folder.uploads / upload_id).unlink(missing_ok=True)

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
            self.repairing.stop()
            self.erasing.stop()
            self.applier.stop()
            self.vectors.close()
            self.keywords.close()
            with self.database.write() as tx:
                index_ops.put_seals(tx, self.index_health.seals())
                note_stop(tx, is_clean=self.index_health.is_checked())


def open_kb(settings: Settings, *, as_is: bool = False) -> KnowledgeBase:
    """Open a data folder, and make it if it is new.

    Args:
        as_is: go on with what is there, though files are missing or do not belong together.

    Raises:
        DataFolderLocked: another process owns it.
        Rejected: it was written by a newer version, or the embedding model is not on this machine,
            or files are missing or do not belong together.
        DatabaseDamaged: pages of the database that are needed cannot be read.
        StorageFull: there is no room to make it.
        Unavailable: the search for words does not work with the libraries of this machine.
    """
    folder = DataFolder(settings.data_dir)
    lock = folder.lock()
    try:
        self_test()
        with full_disk_reported():
            stamp = belonging.check(folder, as_is=as_is)
            kb = _open(settings, folder, lock)
        log_start(settings, folder, kb.database, kb.embedders.configured)
        _recover(kb, stamp, is_trusted=not as_is)
        return kb
    except DatabaseDamaged as exc:
        lock.close()
        raise DatabaseDamaged(damage(folder.database)) from exc
    except BaseException:
        lock.close()
        raise


def _open(settings: Settings, folder: DataFolder, lock: IO[str]) -> KnowledgeBase:
    vault, admin_key = Secrets.open(folder.secret), _admin_key(settings, folder)  # may refuse
    database = Database(folder.database)
    owner = _only_owner(folder)
    originals = Originals(folder.originals, owner.id)
    embedders = _embedders(settings, folder, chosen(settings.embedding, folder, database))
    health, search = _index_health(database), settings.search
    vectors = ChromaVectors(folder.index, open_limit=search.open_indexes, health=health)
    keywords = TantivyKeywords(folder.index, open_limit=search.open_indexes, health=health)
    applier = Applier(database, vectors, keywords, health)
    searcher = Searcher(
        database,
        embedders,
        NearestTexts(vectors, database),
        MatchingChunks(keywords, database),
        candidates=search.candidates,
        threads=search.threads,
        max_waiting=search.max_waiting,
        reranker=_reranker(settings, folder),
    )
    strays, check = Strays(database, folder, originals), IndexCheck(database, vectors, keywords)
    repairing = Repairing(database, applier, health, strays)
    holders = (database, originals, applier, vault, folder, owner)
    models, access = ChatModels(database, vault, settings.llm), Access(database, vault, admin_key)
    threads = SearchThreads(search.threads, search.max_waiting)
    intents = Intents(database, folder.tuning, settings.tuning.models, embedders)
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
        chat=Chat(settings.chat, database, searcher, models, intents, threads, access.tokens),
        access=access,
        fsck=Fsck(database, strays, check, applier, repairing, owner),
        index_health=health,
        repairing=repairing,
        reindexing=Reindexing(database, embedders),
        erasing=Erasing(*holders, health.is_checked, settings.maintenance.erase_after_s),
        owner=owner,
        lock=lock,
    )


def _only_owner(folder: DataFolder) -> Owner:
    owner = Owner(folder.owners)
    if owner.living() != {owner.id}:  # the lock was removed under the other
        owner.close()
        raise DataFolderLocked(f"Another process already uses the data folder {folder.root}.")
    return owner


def _index_health(database: Database) -> IndexHealth:
    seals = database.reading(index_ops.seals) or {}
    return IndexHealth(seals, lambda: database.wakeups.notify("repair"))


def _recover(kb: KnowledgeBase, stamp: Stamp, *, is_trusted: bool) -> None:
    """Take up what dead processes left, and do not trust an index after an unclean stop."""
    living = kb.owner.living()
    kb.originals.sweep_staging(living)
    with kb.database.write() as tx:
        requeued = jobs.requeue_left(tx, living)
        is_known = index_ops.seals(tx) is not None
        was_clean = is_trusted and is_known and stopped_cleanly(tx)
        note_stop(tx, is_clean=False)
        note(tx, belonging.STAMP, str(stamp))
        datasets.adopt(tx, kb.embedder.fingerprint, kb.embedders.configured)
    belonging.put(kb.lock, stamp)
    if not any(kb.originals.hashes()) and kb.database.reading(documents.original_hashes):
        logger.warning("all originals are missing from %s", kb.folder.originals)
    if requeued:
        logger.info("%d documents were being indexed when the last process stopped", requeued)
    if not was_clean:
        kb.repairing.expect_leftovers(kb.database.reading(generations.index_keys))
    kb.repairing.start()
    kb.applier.start()
    kb.erasing.start()


def _embedders(settings: Settings, folder: DataFolder, name: str) -> Embedders:
    def open_one(name: str) -> Embedder:
        return open_embedder(
            name,
            cache_dir=folder.models,
            threads=settings.embedding.threads,
            batch_size=settings.embedding.batch_size,
        )

    return Embedders(name, open_one)


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
