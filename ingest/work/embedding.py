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
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ingest.work.pipeline import Prepared
from kb.iteration import batched
from kb.knowledge_base import KnowledgeBase
from kb.store.content import datasets, embeddings, indexed
from kb.store.content.embeddings import text_hash
from kb.store.content.indexed import IndexedVersion
from kb.store.engine.database import Transaction
from kb.store.work import jobs, strides
from kb.store.work.jobs import Job
from kb.types import Dataset

MOST_DOCUMENTS = 256
MOST_CHARACTERS = 32_000_000
"""About 200 MB, for each character stands in a page and twice in a chunk."""


@dataclass(slots=True)
class Waiting:
    """A prepared document, and those of its texts that may have no vector yet, by their hash.

    `noted` is the progress that its batch knows of, `embed_s` its share of the model's time.
    """

    prepared: Prepared
    texts: dict[bytes, str] = field(init=False)
    characters: int = field(init=False)
    is_looked_up: bool = False
    noted: float = 0.0
    embed_s: float = 0.0

    def __post_init__(self) -> None:
        chunks = self.prepared.chunks
        # By length: the texts of one model call then need little padding.
        texts = sorted((chunk.index_text for chunk in chunks), key=len)
        self.texts = {text_hash(text): text for text in texts}
        self.characters = sum(map(len, self.texts.values()))

    @property
    def job(self) -> Job:
        """The claim that this document is worked on under."""
        return self.prepared.job

    def progress(self, embedded: Collection[bytes]) -> float:
        """How much of its text has vectors, 0 to 1, once these texts have them too."""
        left = sum(len(text) for name, text in self.texts.items() if name not in embedded)
        return 1 - left / self.characters if self.characters else 1.0

    def forget(self, embedded: Collection[bytes]) -> None:
        """These texts have vectors now."""
        for name in embedded:
            self.texts.pop(name, None)


Share = tuple[Waiting, list[bytes]]
"""A document, and which of its texts are embedded next."""


def divided(waiting: Sequence[Waiting], most: int) -> list[Share]:
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
        self._waiting: list[Waiting] = []
        self._changed = threading.Condition()

    def put(self, prepared: Prepared, timeout_s: float) -> bool:
        """Add a document; False if there was no room for it in that time."""
        waiting = Waiting(prepared)
        with self._changed:
            if not self._changed.wait_for(self._has_room, timeout_s):
                return False
            self._waiting.append(waiting)
            self._changed.notify_all()
            return True

    def waiting(self, *, least: int, timeout_s: float, patience_s: float) -> list[Waiting]:
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

    def remove(self, done: Collection[Waiting]) -> None:
        """These documents wait no longer."""
        gone = {id(item) for item in done}
        with self._changed:
            self._waiting = [item for item in self._waiting if id(item) not in gone]
            self._changed.notify_all()

    def _more_come(self, timeout_s: float) -> bool:
        seen = len(self._waiting)
        return self._changed.wait_for(lambda: len(self._waiting) > seen, timeout_s)

    def _has_room(self) -> bool:
        size = sum(item.characters for item in self._waiting)
        return len(self._waiting) < self._documents and size < self._characters

    def _chunks(self) -> int:
        return sum(len(item.prepared.chunks) for item in self._waiting)


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
