"""The façade: an open knowledge base with all its parts."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import IO

from kb.access import Access
from kb.background import Loop
from kb.chat.ask.chat_models import ChatModels
from kb.chat.chat import Chat
from kb.errors import Rejected, StorageUnavailable
from kb.files.folder import DataFolder
from kb.files.folder_originals import FolderOriginals
from kb.files.originals import Originals
from kb.files.owners import Owner
from kb.files.partial_files import PartialFiles
from kb.index.applier import Applier
from kb.index.health import IndexHealth
from kb.iteration import batched
from kb.models.embed.embedders import Embedders
from kb.protocols import Embedder, KeywordIndex, VectorIndex
from kb.search.searching import Searcher
from kb.settings import Settings
from kb.store.access.secrets import Secrets
from kb.store.content import datasets, documents, index_ops
from kb.store.engine.database import Database, note_stop
from kb.store.work import deletion, uploads
from kb.threads import SearchThreads
from kb.types import Dataset, Processing, Quota, Scope
from kb.upkeep.backup import Backup
from kb.upkeep.erasing import Erasing
from kb.upkeep.fsck import Fsck
from kb.upkeep.reindexing import Reindexing
from kb.upkeep.repairing import Repairing
from kb.upkeep.servers import Servers

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
    partial_files: PartialFiles
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
    servers: Servers
    loops: tuple[Loop, ...]
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
        if self.embedders.is_default(dataset.embedder):
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
            with suppress(StorageUnavailable):  # what no row knows is swept later
                self.partial_files.remove(upload_id)

    def collect_originals(self, hashes: Iterable[str]) -> None:
        """Delete those of the originals that no document needs any more."""
        for part in batched(sorted(set(hashes)), COLLECTED_AT_ONCE):
            with self.database.write() as tx:
                for sha256 in part:
                    if not documents.needs_original(tx, sha256):
                        self.originals.remove(tx, sha256)

    def backup(self) -> Backup:
        """Begin a backup, which the caller closes.

        Raises:
            Rejected: servers keep what would be in it.
            StorageFull: there is no room for the copy of the database.
        """
        if not isinstance(self.originals, FolderOriginals):
            raise Rejected(
                "This knowledge base lies on servers that are backed up with tools of their own: "
                "`pg_dump` for Postgres, and a copy of the bucket. See docs/using/cluster.md."
            )
        return Backup(self.database, self.folder, self.originals, self.collect_originals)

    def close(self) -> None:
        """Finish the work in hand and release the folder."""
        with ExitStack() as last:  # also when the disk is full
            last.callback(self.lock.close)
            last.callback(self.database.close)
            last.callback(self.owner.close)
            for part in (*self.loops, self.repairing, self.erasing, self.applier):
                part.stop()
            self.vectors.close()
            self.keywords.close()
            if self.settings.is_cluster:  # nothing but this process's copies is closed
                return
            with self.database.write() as tx:
                index_ops.put_seals(tx, self.index_health.seals())
                note_stop(tx, is_clean=self.index_health.is_checked())
