"""A big document leaves room for small ones, and its batch shows how far it has come."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from ingest.sandbox.reader_process import ReaderPool
from ingest.work import pipeline
from ingest.work.embedding import Backlog, divided
from ingest.work.engine import EMBED_AT_ONCE
from kb.knowledge_base import KnowledgeBase
from kb.models.embed.hash_embedder import HashEmbedder
from kb.protocols import Vectors
from kb.store.work import batch_control, batches
from kb.types import Processing, SplitOptions
from tests.parts import ADMIN, document, upload, working

PATIENCE_S = 30
SLICES = 6


class SteppedEmbedder(HashEmbedder):
    """Embeds a slice for each step that it is allowed, and keeps what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.slices: list[list[str]] = []
        self.asked = threading.Semaphore(0)
        self._allowed = threading.Semaphore(0)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.slices.append(list(texts))
        self.asked.release()
        assert self._allowed.acquire(timeout=PATIENCE_S)
        return super().embed_documents(texts)

    def step(self, times: int = 1) -> None:
        self._allowed.release(times)


@pytest.fixture
def stepped(kb: KnowledgeBase) -> SteppedEmbedder:
    embedder = SteppedEmbedder()
    object.__setattr__(kb, "embedder", embedder)
    return embedder


@pytest.fixture
def dataset_id(kb: KnowledgeBase) -> str:
    fine = Processing(split=SplitOptions(max_tokens=16))
    return kb.create_dataset(ADMIN, "d", processing=fine).id


def big(slices: int, name: str = "w") -> str:
    """A text that takes so many slices of the embedder."""
    return "\n\n".join(
        f"{name}{n} " + "and so it goes on and on until the end." for n in range(slices * 256)
    )


def wait_until_read(monkeypatch: pytest.MonkeyPatch, count: int) -> threading.Event:
    """Set when so many documents have come to the embedder."""
    put, seen, done = Backlog.put, threading.Semaphore(count - 1), threading.Event()

    def noted(self: Backlog, *args: Any, **options: Any) -> bool:
        is_in = put(self, *args, **options)
        if is_in and not seen.acquire(blocking=False):
            done.set()
        return is_in

    monkeypatch.setattr(Backlog, "put", noted)
    return done


def test_a_small_document_is_ready_long_before_the_big_one_that_came_first(
    kb, stepped, dataset_id, monkeypatch: pytest.MonkeyPatch
):
    both_read = wait_until_read(monkeypatch, 2)
    first = upload(kb, dataset_id, {"big.md": big(SLICES)}).accepted[0]
    with working(kb) as worker:
        assert stepped.asked.acquire(timeout=PATIENCE_S)
        second = upload(kb, dataset_id, {"small.md": "A few words about Ostrava."}).accepted[0]
        assert both_read.wait(PATIENCE_S)
        stepped.step(2)  # the slice in hand, and the next
        assert stepped.asked.acquire(timeout=PATIENCE_S)
        assert stepped.asked.acquire(timeout=PATIENCE_S)
        kb.applier.drain()
        assert document(kb, second.id).status == "ready"
        assert document(kb, first.id).status == "indexing"
        stepped.step(100)
        assert worker.wait_idle(PATIENCE_S)
    assert document(kb, first.id).status == "ready"
    assert {len(texts) for texts in stepped.slices[:-1]} == {EMBED_AT_ONCE}
    assert kb.fsck.run().is_clean


def test_the_pace_counts_what_is_embedded_of_a_document_that_is_not_done(kb, stepped, dataset_id):
    accepted = upload(kb, dataset_id, {"big.md": big(SLICES)})
    assert accepted.batch_id is not None
    with working(kb) as worker:
        assert stepped.asked.acquire(timeout=PATIENCE_S)
        before = kb.database.reading(batches.get, ADMIN, accepted.batch_id).pace
        assert before == batches.Throughput(0, 0, None)
        stepped.step(SLICES // 2)
        for _ in range(SLICES // 2):
            assert stepped.asked.acquire(timeout=PATIENCE_S)
        pace = kb.database.reading(batches.get, ADMIN, accepted.batch_id).pace
        assert pace is not None
        assert pace.bytes_per_s > 0
        # Half is done, so what is left is about what was done within the last seconds.
        assert pace.eta_s == pytest.approx(
            accepted.accepted[0].size_bytes / 2 / pace.bytes_per_s, rel=0.1
        )
        stepped.step(100)
        assert worker.wait_idle(PATIENCE_S)


def test_a_cancelled_document_leaves_the_embedder_at_once(kb, stepped, dataset_id):
    accepted = upload(kb, dataset_id, {"big.md": big(SLICES)})
    with working(kb) as worker:
        assert stepped.asked.acquire(timeout=PATIENCE_S)
        kb.database.writing(batch_control.cancel, ADMIN, accepted.batch_id)
        stepped.step(100)
        assert worker.wait_idle(PATIENCE_S)
    assert len(stepped.slices) == 1
    assert document(kb, accepted.accepted[0].id).status == "failed"
    assert kb.fsck.run().is_clean


def test_a_text_in_two_documents_is_embedded_once_while_both_wait(
    kb, stepped, dataset_id, monkeypatch: pytest.MonkeyPatch
):
    both_read = wait_until_read(monkeypatch, 2)
    upload(kb, dataset_id, {"a.md": big(2), "b.md": big(2) + "\n\nAnd one more."})
    with working(kb) as worker:
        assert both_read.wait(PATIENCE_S)
        stepped.step(100)
        assert worker.wait_idle(PATIENCE_S)
    texts = [text for part in stepped.slices for text in part]
    assert len(texts) == len(set(texts))
    assert kb.fsck.run().is_clean


@pytest.fixture
def waiting(kb, dataset_id):
    """Documents of 600, 300 and 2 chunks that were read."""
    pool = ReaderPool(timeout_s=30, memory_bytes=2**30, max_characters=10**6)
    files = {
        f"{n}.md": "\n\n".join(
            f"{n}x{i} " + "and so it goes on and on until the end." for i in range(n)
        )
        for n in (600, 300, 2)
    }
    upload(kb, dataset_id, files)
    claimed = pipeline.claim(kb, "index", 9)
    found = [pipeline.prepare(kb, pool, job) for job in claimed]
    pool.close()
    return found


def test_a_slice_is_divided_among_all_and_always_full(waiting):
    assert [len(item.texts) for item in waiting] == [600, 300, 2]
    given = {len(item.texts): len(names) for item, names in divided(waiting, 256)}
    assert given == {2: 2, 300: 127, 600: 127}
    assert sum(len(names) for _, names in divided(waiting, 1000)) == 902


def test_a_document_without_new_texts_is_in_every_slice(waiting):
    done = waiting[-1]
    done.forget(list(done.texts))
    assert (done, []) in divided(waiting, 256)


def test_a_full_backlog_makes_readers_wait_and_always_takes_one(waiting):
    backlog = Backlog(characters=1000)
    big_one, other, _ = waiting
    assert backlog.put(big_one, timeout_s=0)
    assert not backlog.put(other, timeout_s=0.01)
    (first,) = backlog.waiting(least=1, timeout_s=0, patience_s=0)
    backlog.remove([first])
    assert backlog.put(other, timeout_s=0)
