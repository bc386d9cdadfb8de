"""Our side of `bench.retrieval`: the real ingest and the real search."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eval.types import FoundPassage, QuestionSet
from ingest.intake.upload import UploadedFile, accept
from ingest.work.worker import Worker
from kb.iteration import batched
from kb.knowledge_base import KnowledgeBase
from kb.models.embed.embedders import BUNDLED
from kb.opening.opening import open_kb
from kb.settings import EmbeddingSettings, Settings
from kb.store.content import datasets, documents, index_ops, pages
from kb.store.engine.database import Transaction
from kb.store.engine.paging import MAX_LIMIT, PageRequest
from kb.store.work import jobs
from kb.types import Document, Retrieval, Scope

SCOPE = Scope.admin()
FILES_AT_ONCE = 500
POLL_S = 0.1
MAX_BYTES = 200 * 1024 * 1024


@contextmanager
def opened(data: Path, threads: int, embedder: str = BUNDLED) -> Iterator[KnowledgeBase]:
    """A knowledge base in a folder."""
    embedding = EmbeddingSettings(model=embedder, threads=threads)
    kb = open_kb(Settings(data_dir=data, embedding=embedding))
    try:
        yield kb
    finally:
        kb.close()


def ingested(kb: KnowledgeBase, questions: QuestionSet) -> str:
    """The id of a dataset with the documents of a set; it is filled unless it is already there."""
    dataset = kb.database.reading(datasets.find, SCOPE, questions.name)
    if dataset is None:
        dataset = kb.create_dataset(SCOPE, questions.name)
        worker = Worker(kb)
        worker.start()
        for part in batched(questions.documents, FILES_AT_ONCE):
            incoming = [
                UploadedFile(
                    source.name, kb.originals.stage([source.content()], max_bytes=MAX_BYTES)
                )
                for source in part
            ]
            accept(kb, SCOPE, dataset.id, incoming)
        while kb.database.reading(lambda tx: jobs.waiting(tx) + index_ops.waiting(tx)):
            time.sleep(POLL_S)
        worker.stop()
    with kb.database.read() as tx:
        assert documents.counts(tx, dataset.id).keys() == {"ready"}, "a document failed"
    return dataset.id


def texts(kb: KnowledgeBase, dataset_id: str) -> dict[str, str]:
    """File → the text that our reader got from it, for the other side to split."""
    with kb.database.read() as tx:
        return {
            document.name: "\n\n".join(_pages(tx, document.id))
            for document in _documents(tx, dataset_id)
        }


def _documents(tx: Transaction, dataset_id: str) -> Iterator[Document]:
    cursor = None
    while True:
        listing = documents.page(tx, SCOPE, dataset_id, PageRequest(MAX_LIMIT, cursor))
        yield from listing.data
        if (cursor := listing.next) is None:
            return


def _pages(tx: Transaction, document_id: str) -> Iterator[str]:
    cursor = None
    while True:
        listing = pages.of_document(tx, SCOPE, document_id, PageRequest(MAX_LIMIT, cursor))
        yield from (page.text for page in listing.data)
        if (cursor := listing.next) is None:
            return


def ask(kb: KnowledgeBase, dataset_id: str, query: str, retrieval: Retrieval) -> list[FoundPassage]:
    """What our search finds."""
    hits = kb.searcher.search(SCOPE, [dataset_id], query, retrieval).hits
    return [
        FoundPassage(hit.document_name, hit.chunk.text, hit.chunk.spans, hit.score) for hit in hits
    ]
