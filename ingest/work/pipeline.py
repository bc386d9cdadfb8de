"""A document's way from its original to chunks that can be embedded: begin, read, clean, split; and
what its error says when that broke off.

This needs no model, and `embedding.py`, where it goes on, no file: the worker runs the two side by
side.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass, field

from ingest.sandbox.reader_process import ReaderPool
from ingest.types import Extraction
from ingest.work.processing import Processed, process
from kb.errors import KnowledgeBaseError
from kb.files.originals import check_room
from kb.knowledge_base import KnowledgeBase
from kb.protocols import Embedder
from kb.store.content import datasets, documents, index_ops
from kb.store.content.embeddings import text_hash
from kb.store.content.indexed import IndexedVersion
from kb.store.work import jobs
from kb.store.work.jobs import Job, JobKind
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


def claim(
    kb: KnowledgeBase, kind: JobKind, limit: int = 1, *, is_begun: bool | None = None
) -> list[Job]:
    """Claim documents and mark them as being indexed."""
    with kb.database.write() as tx:
        claimed = jobs.claim(tx, kb.owner.id, kind, limit, is_begun=is_begun)
        jobs.begin(tx, claimed)
        documents.set_statuses(tx, [job.subject for job in claimed], "indexing")
    return claimed


def prepare(kb: KnowledgeBase, readers: ReaderPool, job: Job) -> Prepared:
    """Read, clean and split the document of a job.

    Raises:
        UnreadableFile: it has no text, or its reader gave up; the reason names why.
        NotFound: it was deleted meanwhile.
        EmbedderMismatch: the embedder of its dataset is not the one that it was built with.
        Unbalanced: a character of it would be lost.
        StorageFull: what is left of the disk is not for indexing.
    """
    check_room(kb.settings.data_dir)
    with kb.database.read() as tx:
        document = documents.get(tx, SCOPE, job.subject)
        dataset = datasets.get(tx, SCOPE, document.dataset_id)
        encoding = documents.encoding_override(tx, document.id)
    embedder = kb.embedder_of(dataset)
    began = time.perf_counter()
    path = kb.originals.path(document.sha256)
    extraction = readers.read(path, document.media_type, encoding)
    processed = processed_version(
        extraction,
        dataset.processing,
        embedder,
        document,
        version=job.version,
        generation=dataset.generation,
        read_s=time.perf_counter() - began,
    )
    indexed = IndexedVersion(
        document_id=document.id,
        version=job.version,
        dataset_id=dataset.id,
        generation=dataset.generation,
        pages=extraction.pages,
        chunks=processed.chunks,
        receipt=processed.receipt,
        layout=extraction.blocks,
    )
    return Prepared(job, document, dataset, indexed)


def processed_version(
    extraction: Extraction,
    processing: Processing,
    embedder: Embedder,
    document: Document,
    *,
    version: int,
    generation: int,
    read_s: float | None = None,
) -> Processed:
    """Clean and split a document version for a generation; raises why it must not be stored."""
    stored = document.receipt if read_s is None else None
    processed = process(
        extraction,
        processing,
        embedder.tokenizer,
        max_tokens=embedder.max_tokens,
        chunk_prefix=index_ops.chunk_prefix(document.id, version, generation),
        document_id=document.id,
        size_bytes=(stored or {}).get("bytes", document.size_bytes),
        read_s=read_s,
    )
    if processed.refusal is not None:
        raise processed.refusal
    return processed


def fail(kb: KnowledgeBase, job: Job, error: Failure) -> None:
    """Mark a document as failed, with the reason; its job is over."""
    with kb.database.write() as tx:
        if jobs.is_held(tx, job):
            documents.set_status(tx, job.subject, "failed", error)
            jobs.drop(tx, job.subject)
