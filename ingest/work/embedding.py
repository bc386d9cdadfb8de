"""From read documents to stored ones: embed what is new, a slice at a time, then store.

A document of ten thousand chunks must not hold up one of two: every slice is divided among all
documents that wait, and what one of them cannot use goes to the others. Readers stand still while
more waits than memory should hold. Vectors are committed slice by slice, so a crash costs one slice
of the model's work. A document is stored when all its texts have vectors, in a transaction that
first checks that its claim is held.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from ingest.work.engine import EMBED_AT_ONCE
from ingest.work.pipeline import Prepared
from kb.iteration import batched
from kb.knowledge_base import KnowledgeBase
from kb.store.content import datasets, embeddings, indexed
from kb.store.content.indexed import IndexedVersion
from kb.store.engine.database import Transaction
from kb.store.work import jobs, throughput
from kb.telemetry import spans
from kb.types import Dataset

MOST_DOCUMENTS = 256
MOST_CHARACTERS = 32_000_000
"""About 200 MB, for each character stands in a page and twice in a chunk."""


Share = tuple[Prepared, list[bytes]]
"""A document, and which of its texts are embedded next."""


def divided(waiting: Sequence[Prepared], most: int) -> list[Share]:
    """The next slice: up to `most` texts, and as many of each document as of any other.

    Those that need less are finished, and leave the rest to the others. A document that needs none
    is in every slice: it only waits to be stored.
    """
    shares: list[Share] = []
    left = most
    by_need = sorted(waiting, key=lambda item: len(item.texts))
    for place, item in enumerate(by_need):
        fair = -(-left // (len(by_need) - place))
        names = list(item.texts)[:fair]
        left -= len(names)
        if names or not item.texts:
            shares.append((item, names))
    return shares


class Backlog:
    """What waits for the embedder. Thread-safe; one thread takes, any number adds."""

    def __init__(
        self, *, documents: int = MOST_DOCUMENTS, characters: int = MOST_CHARACTERS
    ) -> None:
        """Has room for one more document while it holds less than both limits."""
        self._documents = documents
        self._characters = characters
        self._waiting: list[Prepared] = []
        self._changed = threading.Condition()

    def put(self, prepared: Prepared, timeout_s: float) -> bool:
        """Add a document; False if there was no room for it in that time."""
        with self._changed:
            if not self._changed.wait_for(self._has_room, timeout_s):
                return False
            self._waiting.append(prepared)
            self._changed.notify_all()
            return True

    def waiting(self, *, least: int, timeout_s: float, patience_s: float) -> list[Prepared]:
        """All that waits, as soon as there is something.

        Args:
            least: with fewer chunks than that it is worth waiting for more,
            patience_s: as long as some come at this interval.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._waiting, timeout_s)
            while self._waiting and self._chunks() < least and self._more_come(patience_s):
                pass
            return list(self._waiting)

    def remove(self, done: Collection[Prepared]) -> None:
        """These documents wait no longer."""
        with self._changed:
            self._waiting = [item for item in self._waiting if item not in done]
            self._changed.notify_all()

    def _more_come(self, timeout_s: float) -> bool:
        seen = len(self._waiting)
        return self._changed.wait_for(lambda: len(self._waiting) > seen, timeout_s)

    def _has_room(self) -> bool:
        size = sum(item.characters for item in self._waiting)
        return len(self._waiting) < self._documents and size < self._characters

    def _chunks(self) -> int:
        return sum(len(item.indexed.chunks) for item in self._waiting)


def give_up(kb: KnowledgeBase, waiting: Iterable[Prepared]) -> None:
    """Delete the vectors of those that were not stored, and are not going to be."""
    left = {name for item in waiting if not item.is_stored for name in item.hashes()}
    if left:
        kb.database.writing(embeddings.collect_unused, left)


def look_up(kb: KnowledgeBase, waiting: Iterable[Prepared]) -> None:
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
        embedder = kb.embedder_of(own[0].dataset)
        texts = {name: item.texts[name] for item in own for name in by_item[item.job.id]}
        began, began_s = time.perf_counter(), time.time()
        vectors = embedder.embed_documents(list(texts.values())) if texts else None
        text_s = (time.perf_counter() - began) / max(1, len(texts))
        with kb.database.write_beside() as tx:
            if vectors is not None:
                embeddings.put(tx, fingerprint, list(texts), vectors, owner=kb.owner.id)
            _note(tx, own, texts)
        for item in own:
            item.forget(texts)
            item.embed_s += text_s * len(by_item[item.job.id])
            version = (item.document.id, item.job.version)
            spans.document_step(version, "embed", began_s, time.time())


def store(kb: KnowledgeBase, waiting: Sequence[Prepared]) -> list[Prepared]:
    """Store documents whose texts all have vectors; returns those whose claim was still good.

    What was prepared for a generation that is no longer live goes back to the queue.
    """
    good = [each for own in _by_embedder(waiting).values() for each in _store(kb, own)]
    for item in good:
        item.is_stored = True
    return good


def _store(kb: KnowledgeBase, waiting: Sequence[Prepared]) -> list[Prepared]:
    """Store documents of one embedder."""
    while True:
        with kb.database.write() as tx:
            held = jobs.held(tx, [item.job for item in waiting])
            live = datasets.live_generations(tx, {i.dataset.id for i in waiting})
            good = [item for item in waiting if item.job.id in held and _is_current(item, live)]
            lost = _lost_texts(tx, good)
            if not lost:
                indexed.put(tx, [_indexed(item) for item in good])
                jobs.finish(tx, [item.job for item in good])
                moved = [item.job for item in waiting if not _is_current(item, live)]
                jobs.release(tx, moved)
                return good
        _embed_again(kb, good[0].dataset, lost)  # a deletion took vectors they share


def _by_embedder(waiting: Iterable[Prepared]) -> dict[str, list[Prepared]]:
    """Documents by the fingerprint of the embedder that their dataset has."""
    groups: dict[str, list[Prepared]] = {}
    for item in waiting:
        groups.setdefault(item.dataset.embedder, []).append(item)
    return groups


def _is_current(item: Prepared, live: Mapping[str, int]) -> bool:
    dataset = item.dataset
    return live.get(dataset.id) == dataset.generation


def _note(tx: Transaction, items: Sequence[Prepared], embedded: Collection[bytes]) -> None:
    progress: dict[int, float] = {}
    sizes: dict[str, float] = defaultdict(float)
    for item in items:
        job = item.job
        now = item.progress(embedded)
        sizes[job.batch_id] += item.document.size_bytes * (now - item.noted)
        item.noted = now
        if now < 1:
            progress[job.id] = now
    jobs.note_progress(tx, progress)
    throughput.add(tx, sizes)


def _embed_again(kb: KnowledgeBase, dataset: Dataset, lost: Mapping[bytes, str]) -> None:
    embedder = kb.embedder_of(dataset)
    for part in batched(lost.items(), EMBED_AT_ONCE):
        names = [name for name, _ in part]
        vectors = embedder.embed_documents([text for _, text in part])
        own = {"owner": kb.owner.id}
        kb.database.writing(embeddings.put, dataset.embedder, names, vectors, **own)


def _lost_texts(tx: Transaction, waiting: Sequence[Prepared]) -> dict[bytes, str]:
    texts = {
        embeddings.text_hash(chunk.index_text): chunk.index_text
        for item in waiting
        for chunk in item.indexed.chunks
    }
    if not texts:
        return {}
    known = embeddings.known(tx, waiting[0].dataset.embedder, texts)
    return {name: text for name, text in texts.items() if name not in known}


def _indexed(item: Prepared) -> IndexedVersion:
    receipt = item.indexed.receipt
    seconds = {**receipt["seconds"], "embed": round(item.embed_s, 3)}
    made = {**receipt, "vectors": len(item.indexed.chunks), "seconds": seconds}
    return replace(item.indexed, receipt=made)
