"""Files, a second embedder, and how a generation is built and looked at."""

from __future__ import annotations

import time

from ingest.work.worker import Worker
from kb.knowledge_base import KnowledgeBase
from kb.models.embed.hash_embedder import HashEmbedder
from kb.types import Processing, Retrieval, SplitOptions
from tests.parts import ADMIN, working

SMALL = Processing(split=SplitOptions(max_tokens=24))
FILES = {
    "moon.md": "# Moon\n\n" + "The moon rises at nine over the harbour. " * 30,
    "tide.md": "# Tide\n\n" + "The tide turns at ten in the harbour. " * 30,
    "rows.csv": "town,height\n" + "".join(f"Town {n},{n * 10}\n" for n in range(40)),
}


class OtherEmbedder(HashEmbedder):
    """Another model: the same words have other vectors."""

    fingerprint = "other@64"

    def embed_documents(self, texts):
        return super().embed_documents(texts)[:, ::-1].copy()

    def embed_query(self, text):
        return super().embed_query(text)[:, ::-1].copy()


def build(kb: KnowledgeBase, dataset_id: str, number: int = 2) -> None:
    """Work until a generation is built."""
    with working(kb) as worker:
        await_built(kb, worker, dataset_id, number)
        assert worker.wait_idle(60)


def await_built(kb: KnowledgeBase, worker: Worker, dataset_id: str, number: int = 2) -> None:
    deadline = time.monotonic() + 60
    while kb.reindexing.look(ADMIN, dataset_id, number)[0].status == "building":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def found(kb: KnowledgeBase, dataset_id: str, query: str, **options) -> list[str]:
    hits = kb.searcher.search(ADMIN, [dataset_id], query, Retrieval(top_k=20), **options).hits
    return [hit.chunk.id for hit in hits]


def generations_of(ids: list[str]) -> set[str]:
    return {chunk_id.split(".")[2] for chunk_id in ids}


def names(kb: KnowledgeBase, dataset_id: str, query: str, **options) -> set[str]:
    hits = kb.searcher.search(ADMIN, [dataset_id], query, Retrieval(top_k=20), **options).hits
    return {hit.document_name for hit in hits}


def clean(kb: KnowledgeBase) -> None:
    report = kb.fsck.run()
    assert report.violations == ()
