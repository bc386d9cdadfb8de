"""A text is embedded once by an embedder: across documents, versions, datasets and re-splits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from ingest.sandbox.reader_process import ReaderPool
from kb.knowledge_base import KnowledgeBase
from kb.store.content import embeddings
from kb.store.work import batch_control
from kb.types import Processing, SplitOptions
from tests.parts import ADMIN, document, embed_and_store, finish, ingest, upload


class Counting:
    """An embedder that remembers what it was asked to embed."""

    def __init__(self, embedder: Any) -> None:
        self._embedder = embedder
        self.texts: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._embedder, name)

    def embed_documents(self, texts: Sequence[str]) -> Any:
        self.texts += texts
        return self._embedder.embed_documents(texts)

    def taken(self) -> list[str]:
        texts, self.texts = self.texts, []
        return texts


@pytest.fixture
def counting(kb: KnowledgeBase) -> Counting:
    embedder = Counting(kb.embedder)
    object.__setattr__(kb, "embedder", embedder)
    return embedder


def sections(*words: str) -> str:
    """One chunk per section: each is long enough to stand alone."""
    return "\n\n".join(f"# {word}\n\n" + f"The {word} is written here. " * 60 for word in words)


def test_equal_texts_of_different_documents_are_embedded_once(kb, counting, dataset_id):
    ingest(kb, dataset_id, {"a.md": sections("copper", "silver")})
    first = counting.taken()
    assert len(first) == len(set(first)) > 1
    ingest(kb, dataset_id, {"b.md": sections("copper", "silver"), "c/d.md": sections("silver")})
    assert counting.taken() == []
    other = kb.create_dataset(ADMIN, "other").id
    ingest(kb, other, {"a.md": sections("silver", "copper")})
    assert counting.taken() == []


def test_a_new_version_embeds_only_what_is_new(kb, counting, dataset_id):
    ids = ingest(kb, dataset_id, {"a.md": sections("copper", "silver", "gold")})
    before = counting.taken()
    ingest(kb, dataset_id, {"a.md": sections("copper", "zinc", "gold")})
    after = counting.taken()

    assert after
    assert all("zinc" in item for item in after)
    assert not set(after) & set(before)
    assert document(kb, ids["a.md"]).live_version == 2
    kb.applier.drain()
    ingest(kb, dataset_id, {"a.md": sections("copper", "silver", "gold")})
    again = counting.taken()  # silver went with the version that held it
    assert all("silver" in item for item in again)
    assert kb.fsck.run().is_clean


def test_the_same_bytes_and_a_retry_embed_nothing(kb, counting, dataset_id):
    ids = ingest(kb, dataset_id, {"a.md": sections("copper", "silver")})
    counting.taken()
    ingest(kb, dataset_id, {"a.md": sections("copper", "silver")})
    assert counting.taken() == []
    with kb.database.write() as tx:
        tx.execute(text("UPDATE documents SET status = 'failed'"))
    kb.database.writing(batch_control.retry_document, ADMIN, ids["a.md"])
    finish(kb)  # stores the same version again
    assert counting.taken() == []
    assert document(kb, ids["a.md"]).status == "ready"
    assert kb.fsck.run().is_clean


def test_other_splitting_embeds_only_texts_that_it_makes(kb, counting, dataset_id):
    content = {"a.md": sections("copper", "silver") + "\n\n# Short\n\nA short section.\n"}
    ingest(kb, dataset_id, content)
    known = set(counting.taken())
    fine = Processing(split=SplitOptions(max_tokens=64))
    other = kb.create_dataset(ADMIN, "fine", processing=fine).id
    ingest(kb, other, content)
    new = counting.taken()

    assert new
    assert len(new) == len(set(new))
    assert not set(new) & known
    assert kb.database.reading(embeddings.count) == len(known) + len(new)


def test_a_vector_that_a_deletion_took_meanwhile_is_made_again(kb, counting, dataset_id):
    from ingest.work import pipeline
    from kb.store.work import jobs

    ids = ingest(kb, dataset_id, {"a.md": sections("copper")})
    counting.taken()
    upload(kb, dataset_id, {"b.md": sections("copper")})
    (job,) = kb.database.writing(jobs.claim, kb.owner.id, "index", 5)
    pool = ReaderPool(timeout_s=30, memory_bytes=2**30, max_characters=10**6)
    try:
        prepared = pipeline.prepare(kb, pool, job)
    finally:
        pool.close()
    known = embeddings.known

    def deleted_in_between(tx: Any, *args: Any) -> set[bytes]:
        found = known(tx, *args)
        embeddings.known = known
        kb.delete_document(ADMIN, ids["a.md"])
        return found

    embeddings.known = deleted_in_between
    try:
        assert embed_and_store(kb, [prepared], lambda: False) == [prepared]
    finally:
        embeddings.known = known
    assert counting.taken()
    kb.applier.drain()
    assert kb.fsck.run().is_clean
