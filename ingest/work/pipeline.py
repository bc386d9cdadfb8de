"""A document's way from its original to chunks that can be embedded: begin, read, clean, split; and
what its error says when that broke off.

This needs no model, and `embedding.py`, where it goes on, no file: the worker runs the two side by
side.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.sandbox.child import Unwanted
from ingest.sandbox.reader_process import Plan, SourceFile
from ingest.work.engine import Readers
from ingest.work.transcribing import readable
from kb.errors import KnowledgeBaseError
from kb.files.originals import check_room
from kb.knowledge_base import KnowledgeBase
from kb.protocols import Embedder
from kb.store.content import datasets, documents, index_ops
from kb.store.content.embeddings import text_hash
from kb.store.content.indexed import IndexedVersion
from kb.store.work import jobs
from kb.store.work.jobs import Job, JobKind
from kb.telemetry import spans
from kb.telemetry.metrics import FAILURES, QUEUE_AGE_S
from kb.types import Dataset, Document, Failure, Processing, Scope

INTERNAL = Failure(
    "internal_error", "Indexing failed on our side; the log has the details. Retry the document."
)


class CrashedRepeatedly(KnowledgeBaseError):
    """A document took the whole process down again and again; trying it once more would too."""

    code = "crashed_repeatedly"

    def __init__(self, times: int) -> None:
        super().__init__(
            f"Indexing this document stopped the server {times} times; it is not tried again. "
            f"Retry it by hand, or check the file."
        )


SCOPE = Scope.admin()


@dataclass(slots=True, eq=False)
class Prepared:
    """A document version that is read, cleaned and split, on its way through the embedder.

    `texts` are those that may have no vector yet, by their hash. `noted` is the progress that its
    batch knows of, `embed_s` its share of the model's time.
    """

    job: Job
    document: Document
    dataset: Dataset
    indexed: IndexedVersion
    texts: dict[bytes, str] = field(init=False)
    characters: int = field(init=False)
    is_looked_up: bool = False
    is_stored: bool = False
    noted: float = 0.0
    embed_s: float = 0.0

    def __post_init__(self) -> None:
        # By length: the texts of one model call then need little padding.
        texts = sorted((chunk.index_text for chunk in self.indexed.chunks), key=len)
        self.texts = {text_hash(text): text for text in texts}
        self.characters = sum(map(len, self.texts.values()))

    def hashes(self) -> set[bytes]:
        """The names of all its texts."""
        return {text_hash(chunk.index_text) for chunk in self.indexed.chunks}

    def progress(self, embedded: Collection[bytes]) -> float:
        """How much of its text has vectors, 0 to 1, once these texts have them too."""
        left = sum(len(text) for name, text in self.texts.items() if name not in embedded)
        return 1 - left / self.characters if self.characters else 1.0

    def forget(self, embedded: Collection[bytes]) -> None:
        """These texts have vectors now."""
        for name in embedded:
            self.texts.pop(name, None)


def claim(kb: KnowledgeBase, kind: JobKind, limit: int = 1, **which: Any) -> list[Job]:
    """Claim documents as `jobs.claim` and mark them as being indexed."""
    with kb.database.write_beside() as tx:
        claimed = jobs.claim(tx, kb.owner.id, kind, limit, **which)
        jobs.begin(tx, claimed)
        documents.set_statuses(tx, [job.subject for job in claimed], "indexing")
    return claimed


def prepare(
    kb: KnowledgeBase, readers: Readers, job: Job, is_stopping: Callable[[], bool] = bool
) -> Prepared:
    """Read, clean and split the document of a job.

    Raises:
        Unwanted: it was cancelled, replaced or paused meanwhile, or the work is to stop.
        UnreadableFile: it has no text, or its reader gave up; the reason names why.
        NotFound: it was deleted meanwhile.
        EmbedderMismatch: the embedder of its dataset is not the one that it was built with.
        ModelUnavailable: it does not answer.
        Unbalanced: a character of it would be lost.
        StorageFull: what is left of the disk is not for indexing.
    """

    def is_wanted() -> bool:
        return not is_stopping() and kb.database.reading(jobs.may_go_on, job)

    check_room(kb.settings.data_dir)
    with kb.database.read() as tx:
        if not jobs.may_go_on(tx, job):
            raise Unwanted
        document = documents.get(tx, SCOPE, job.subject)
        dataset = datasets.get(tx, SCOPE, document.dataset_id)
        encoding = documents.encoding_override(tx, document.id)
    embedder = kb.embedder_of(dataset)
    if embedder.away is not None:
        embedder.embed_query("")  # raises unless it is back: reading can wait until then
    source = SourceFile(kb.originals.path(document.sha256), document.media_type, encoding)
    prefix = index_ops.chunk_prefix(document.id, job.version, dataset.generation)
    plan = plan_of(dataset.processing, embedder, prefix, document.id, document.size_bytes)
    spans.document_begun((document.id, job.version))
    QUEUE_AGE_S.observe(max(0.0, time.time() - job.payload.get("queued", time.time())))
    with readable(kb, source, is_wanted) as file:
        processed = readers.process(file, plan, is_wanted)
    _note_steps((document.id, job.version), processed.receipt["seconds"])
    if processed.refusal is not None:
        raise processed.refusal
    indexed = IndexedVersion(
        document_id=document.id,
        version=job.version,
        dataset_id=dataset.id,
        generation=dataset.generation,
        pages=processed.extraction.pages,
        chunks=processed.chunks,
        receipt=processed.receipt,
        layout=processed.extraction.blocks,
    )
    return Prepared(job, document, dataset, indexed)


def _note_steps(version: spans.DocumentVersion, seconds: Mapping[str, float]) -> None:
    """What the reader's process has just done, one after the other."""
    began_s = time.time() - sum(seconds.values())
    for stage, took_s in seconds.items():
        spans.document_step(version, stage, began_s, began_s := began_s + took_s)


def plan_of(
    processing: Processing, embedder: Embedder, prefix: str, document_id: str, size_bytes: int
) -> Plan:
    """How a document becomes chunks for an embedder."""
    tokenizer, most = embedder.tokenizer, embedder.max_tokens
    return Plan(processing, tokenizer, most, prefix, document_id, size_bytes)


def give_back(
    kb: KnowledgeBase, job: Job, *, waits: Failure | None = None, delay_s: float = 0.0
) -> None:
    """Put a document back into the queue, if it is still to be worked on, and say what it waits
    for."""
    with kb.database.write() as tx:
        if jobs.is_held(tx, job):
            documents.set_statuses(tx, [job.subject], "pending", waits)
            jobs.release(tx, [job], delay_s=delay_s)
    spans.document_ended((job.subject, job.version), "given_back")


def fail(kb: KnowledgeBase, job: Job, error: Failure) -> None:
    """Mark a document as failed, with the reason; its job is over."""
    FAILURES.labels("document", error.code).inc()
    spans.document_ended((job.subject, job.version), error.code)
    with kb.database.write() as tx:
        if jobs.is_held(tx, job):
            documents.set_status(tx, job.subject, "failed", error)
            jobs.drop(tx, job.subject)
