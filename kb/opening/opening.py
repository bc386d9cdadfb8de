"""`open_kb`: joins the parts of a knowledge base over the kit that the settings choose."""

from __future__ import annotations

import logging
from typing import IO

from kb.access import Access
from kb.chat.ask.chat_models import ChatModels
from kb.chat.ask.intents import Intents
from kb.chat.chat import Chat
from kb.errors import DatabaseDamaged, Rejected
from kb.files.folder import DataFolder
from kb.files.originals import full_disk_reported
from kb.index.applier import Applier
from kb.index.keywords import self_test
from kb.knowledge_base import KnowledgeBase
from kb.models.embed.embedders import Embedders
from kb.models.rerank.reranking import open_reranker
from kb.opening.embedder_choice import URL, Elsewhere, open_embedders
from kb.opening.kit import Kit
from kb.opening.local import local_kit
from kb.opening.start_line import log_start
from kb.protocols import Reranker
from kb.search.fallback import MatchingChunks, NearestTexts
from kb.search.searching import Searcher
from kb.settings import Settings
from kb.store.content import datasets, documents, generations, index_ops
from kb.store.engine.database import note, note_stop, stopped_cleanly
from kb.store.engine.sqlite import damage
from kb.store.work import jobs
from kb.threads import SearchThreads
from kb.upkeep import belonging
from kb.upkeep.belonging import Stamp
from kb.upkeep.erasing import Erasing
from kb.upkeep.fsck import Fsck
from kb.upkeep.index_check import IndexCheck
from kb.upkeep.reindexing import Reindexing
from kb.upkeep.repairing import Repairing
from kb.upkeep.strays import Strays

logger = logging.getLogger(__name__)


def open_kb(
    settings: Settings,
    *,
    as_is: bool = False,
    searches: bool = True,
    elsewhere: Elsewhere | None = None,
) -> KnowledgeBase:
    """Open a data folder, and make it if it is new; in a cluster, what all processes share.

    Args:
        as_is: go on with what is there, though files are missing or do not belong together.
        searches: whether this process of a cluster is to have copies of the keyword indexes.
        elsewhere: has the documents of each embedder that is opened embedded by others.

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
            if settings.is_cluster:
                kit = _cluster_kit(settings, folder)
                kb = _begun(_join(settings, kit, lock, elsewhere))
                if searches and kit.copies:
                    kit.copies.start()
                return kb
            stamp = belonging.check(folder, as_is=as_is)
            kb = _join(settings, local_kit(settings, folder), lock, elsewhere)
        _look_at(kb, stamp, is_trusted=not as_is)
        return _begun(kb)
    except DatabaseDamaged as exc:
        lock.close()
        raise DatabaseDamaged(damage(folder.database)) from exc
    except BaseException:
        lock.close()
        raise


def _cluster_kit(settings: Settings, folder: DataFolder) -> Kit:
    try:  # its libraries are an extra
        from kb.opening.cluster import cluster_kit
    except ImportError as exc:
        raise Rejected("Several machines need the extra `cluster`: run `make cluster`.") from exc
    return cluster_kit(settings, folder)


def _join(
    settings: Settings, kit: Kit, lock: IO[str], elsewhere: Elsewhere | None
) -> KnowledgeBase:
    folder, database, health, search = kit.folder, kit.database, kit.health, settings.search
    embedders = open_embedders(settings, folder, database, elsewhere)
    applier = Applier(database, kit.vectors, kit.feed, health, kit.followers)
    searcher = _searcher(settings, kit, embedders)
    strays = Strays(database, folder, kit.originals)
    repairing = Repairing(database, applier, health, strays, is_mended=kit.is_mended)
    holders = (database, kit.originals, applier, kit.vault, folder, kit.owner)
    models = ChatModels(database, kit.vault, settings.llm, is_shared=kit.others is not None)
    access = Access(database, kit.vault, kit.admin_key, kit.others)
    threads = SearchThreads(search.threads, search.max_waiting)
    intents = Intents(database, folder.tuning, settings.tuning.models, embedders)
    asked = (searcher, models, intents, threads, access.tokens, kit.run_log)
    return KnowledgeBase(
        settings=settings,
        folder=folder,
        database=database,
        originals=kit.originals,
        partial_files=kit.partial_files,
        secrets=kit.vault,
        embedder=embedders.default,
        embedders=embedders,
        vectors=kit.vectors,
        keywords=kit.keywords,
        applier=applier,
        searcher=searcher,
        search_threads=threads,
        chat_models=models,
        chat=Chat(settings.chat, database, *asked),
        access=access,
        fsck=Fsck(database, strays, _index_check(kit), applier, repairing, kit.owner),
        index_health=health,
        repairing=repairing,
        reindexing=Reindexing(database, embedders),
        erasing=Erasing(*holders, health.is_checked, settings.maintenance.erase_after_s),
        owner=kit.owner,
        servers=kit.servers,
        loops=(kit.servers, *kit.loops),
        lock=lock,
    )


def _searcher(settings: Settings, kit: Kit, embedders: Embedders) -> Searcher:
    search = settings.search
    return Searcher(
        kit.database,
        embedders,
        NearestTexts(kit.vectors, kit.database),
        MatchingChunks(kit.keywords, kit.database),
        candidates=search.candidates,
        threads=search.threads,
        max_waiting=search.max_waiting,
        reranker=_reranker(settings, kit.folder),
    )


def _index_check(kit: Kit) -> IndexCheck:
    return IndexCheck(kit.database, kit.vectors, kit.keywords)


def _look_at(kb: KnowledgeBase, stamp: Stamp, *, is_trusted: bool) -> None:
    """Do not trust an index of the folder after an unclean stop."""
    with kb.database.write() as tx:
        is_known = index_ops.seals(tx) is not None
        was_clean = is_trusted and is_known and stopped_cleanly(tx)
        note_stop(tx, is_clean=False)
        note(tx, belonging.STAMP, str(stamp))
    belonging.put(kb.lock, stamp)
    if not any(kb.originals.hashes()) and kb.database.reading(documents.original_hashes):
        logger.warning("all originals are missing from %s", kb.folder.originals)
    if not was_clean:
        kb.repairing.expect_leftovers(kb.database.reading(generations.index_keys))


def _begun(kb: KnowledgeBase) -> KnowledgeBase:
    """Take up what dead processes left, and start what goes on beside everything."""
    living = kb.owner.living()
    kb.originals.sweep_staging(living)
    with kb.database.write() as tx:
        requeued = jobs.requeue_left(tx, living)
        if not kb.embedders.configured.startswith(URL):  # those always kept its name
            datasets.adopt(tx, kb.embedder.fingerprint, kb.embedders.configured)
    log_start(kb.settings, kb.folder, kb.database, kb.embedders.configured)
    if requeued:
        logger.info("%d documents were being indexed when the last process stopped", requeued)
    for part in (kb.repairing, kb.applier, kb.erasing, *kb.loops):
        part.start()
    return kb


def _reranker(settings: Settings, folder: DataFolder) -> Reranker | None:
    wanted = settings.rerank
    return open_reranker(
        model=wanted.model,
        base_url=wanted.base_url,
        api_key=wanted.api_key.get_secret_value() if wanted.api_key else None,
        cache_dir=folder.models,
        timeout_s=wanted.timeout_s,
        named=settings.llm.link_local_hosts,
    )
