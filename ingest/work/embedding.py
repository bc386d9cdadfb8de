"""From read documents to stored ones: embed what is new, a slice at a time, then store.

Vectors are committed slice by slice, so a crash costs one slice of the model's work. A document is
stored when all its texts have vectors, in a transaction that first checks that its claim is held.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from ingest.work.backlog import Share, Waiting, divided
from ingest.work.pipeline import Prepared
from kb.iteration import batched
from kb.knowledge_base import KnowledgeBase
from kb.store.content import datasets, embeddings, indexed
from kb.store.content.indexed import IndexedVersion
from kb.store.engine.database import Transaction
from kb.store.work import jobs, strides
from kb.types import Dataset

EMBED_AT_ONCE = 256
"""Texts per slice: enough to sort by length, few enough to save often and to let others in (about
2 s)."""


def embed_and_store(
    kb: KnowledgeBase, prepared: Sequence[Prepared], is_stopping: Callable[[], bool]
) -> list[Prepared]:
    """Embed what is new in some documents, then store them.

    Returns those whose claim was still good; the others were replaced or deleted meanwhile. When
    the work is to stop, vectors that are done are kept and nothing else is stored.
    """
    waiting = [Waiting(item) for item in prepared]
    look_up(kb, waiting)
    while any(item.texts for item in waiting):
        if is_stopping():
            return []
        embed(kb, divided(waiting, EMBED_AT_ONCE))
    return [item.prepared for item in store(kb, waiting)]


def look_up(kb: KnowledgeBase, waiting: Iterable[Waiting]) -> None:
    """Find out which texts of documents have vectors already."""
    new = [item for item in waiting if not item.is_looked_up]
    for fingerprint, own in _by_embedder(new).items():
        names = {name for item in own for name in item.texts}
        known = kb.database.reading(embeddings.known, fingerprint, names) if names else ()
        for item in own:
            item.forget([name for name in item.texts if name in known])
            item.is_looked_up = True


def embed(kb: KnowledgeBase, shares: Sequence[Share]) -> None:
    """Make and keep the vectors of one slice, and note how far its documents have come."""
    by_item = {item.job.id: names for item, names in shares}
    for fingerprint, own in _by_embedder(item for item, _ in shares).items():
        embedder = kb.embedder_of(own[0].prepared.dataset)
        texts = {name: item.texts[name] for item in own for name in by_item[item.job.id]}
        began = time.perf_counter()
        vectors = embedder.embed_documents(list(texts.values())) if texts else None
        text_s = (time.perf_counter() - began) / max(1, len(texts))
        with kb.database.write() as tx:
            if vectors is not None:
                embeddings.put(tx, fingerprint, list(texts), vectors)
            _note(tx, own, texts)
        for item in own:
            item.forget(texts)
            item.embed_s += text_s * len(by_item[item.job.id])


def store(kb: KnowledgeBase, waiting: Sequence[Waiting]) -> list[Waiting]:
    """Store documents whose texts all have vectors; returns those whose claim was still good.

    What was prepared for a generation that is no longer live goes back to the queue.
    """
    good = [each for own in _by_embedder(waiting).values() for each in _store(kb, own)]
    if good:
        kb.applier.notify()
    return good


def _store(kb: KnowledgeBase, waiting: Sequence[Waiting]) -> list[Waiting]:
    """Store documents of one embedder."""
    while True:
        with kb.database.write() as tx:
            held = jobs.held(tx, [item.job for item in waiting])
            live = datasets.live_generations(tx, {i.prepared.dataset.id for i in waiting})
            good = [item for item in waiting if item.job.id in held and _is_current(item, live)]
            lost = _lost_texts(tx, good)
            if not lost:
                indexed.put(tx, [_indexed(item) for item in good])
                jobs.finish(tx, [item.job for item in good])
                moved = [item.job for item in waiting if not _is_current(item, live)]
                jobs.release(tx, moved)
                return good
        _embed_again(kb, good[0].prepared.dataset, lost)  # a deletion took vectors they share


def _by_embedder(waiting: Iterable[Waiting]) -> dict[str, list[Waiting]]:
    """Documents by the fingerprint of the embedder that their dataset has."""
    groups: dict[str, list[Waiting]] = {}
    for item in waiting:
        groups.setdefault(item.prepared.dataset.embedder, []).append(item)
    return groups


def _is_current(item: Waiting, live: Mapping[str, int]) -> bool:
    dataset = item.prepared.dataset
    return live.get(dataset.id) == dataset.generation


def _note(tx: Transaction, items: Sequence[Waiting], embedded: Collection[bytes]) -> None:
    progress: dict[int, float] = {}
    sizes: dict[str, float] = defaultdict(float)
    for item in items:
        job = item.job
        now = item.progress(embedded)
        sizes[job.batch_id] += item.prepared.document.size_bytes * (now - item.noted)
        item.noted = now
        if now < 1:
            progress[job.id] = now
    jobs.note_progress(tx, progress)
    strides.add(tx, sizes)


def _embed_again(kb: KnowledgeBase, dataset: Dataset, lost: Mapping[bytes, str]) -> None:
    embedder = kb.embedder_of(dataset)
    for part in batched(lost.items(), EMBED_AT_ONCE):
        names = [name for name, _ in part]
        vectors = embedder.embed_documents([text for _, text in part])
        kb.database.writing(embeddings.put, dataset.embedder, names, vectors)


def _lost_texts(tx: Transaction, waiting: Sequence[Waiting]) -> dict[bytes, str]:
    texts = {
        embeddings.text_hash(chunk.index_text): chunk.index_text
        for item in waiting
        for chunk in item.prepared.chunks
    }
    if not texts:
        return {}
    known = embeddings.known(tx, waiting[0].prepared.dataset.embedder, texts)
    return {name: text for name, text in texts.items() if name not in known}


def _indexed(waiting: Waiting) -> IndexedVersion:
    item = waiting.prepared
    seconds = {**item.receipt["seconds"], "embed": round(waiting.embed_s, 3)}
    return IndexedVersion(
        document_id=item.document.id,
        version=item.job.version,
        dataset_id=item.dataset.id,
        generation=item.dataset.generation,
        pages=item.pages,
        chunks=item.chunks,
        receipt={**item.receipt, "vectors": len(item.chunks), "seconds": seconds},
        layout=item.layout,
    )
