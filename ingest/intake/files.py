"""Stored files: making documents of them, and deleting both together.

A file's bytes are on disk once; its documents, however many, rest on the same original.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ingest.sniff.media_types import sniff
from ingest.sniff.package_types import is_archive
from kb.errors import KnowledgeBaseError, NotFound, UnsupportedMedia
from kb.files.originals import HEAD_BYTES
from kb.knowledge_base import KnowledgeBase
from kb.store.content import datasets
from kb.store.engine.database import Transaction
from kb.store.work import batches, deletion, files, placing, quotas
from kb.store.work.placing import Upload, UploadTarget
from kb.types import Failure, Scope, StoredFile

logger = logging.getLogger(__name__)

Attributes = Mapping[str, Any]


def delete(kb: KnowledgeBase, scope: Scope, file_id: str) -> None:
    """Delete a file with the documents made of it that may be seen. Raises NotFound."""
    with kb.database.write() as tx:
        hashes = _deleted(kb, tx, scope, files.get(tx, scope, file_id))
    kb.collect_originals(hashes)


def delete_expired(kb: KnowledgeBase) -> None:
    """Delete the files and datasets whose time is over."""
    operator = Scope.admin()
    for file in kb.database.reading(files.expired):
        with kb.database.write() as tx:
            hashes = _deleted(kb, tx, operator, file)
        kb.collect_originals(hashes)
        logger.info("the file %s has expired and is deleted", file.id)
    for dataset in kb.database.reading(datasets.expired):
        kb.delete_dataset(operator, dataset.id)
        logger.info("the dataset %s has expired and is deleted", dataset.id)


def attach(
    kb: KnowledgeBase, scope: Scope, dataset_id: str, wanted: Mapping[str, Attributes | None]
) -> str:
    """Make documents of stored files, in one batch; returns its id.

    A file that nothing can read becomes a document that has failed.

    Args:
        wanted: file id → metadata of its document; None leaves what a document that exists has.

    Raises:
        NotFound: the dataset or a file cannot be seen.
        QuotaExceeded, RateLimited: it or the key may not take as much; nothing was stored.
        EmbedderMismatch: it was built with another embedder: nothing could be indexed.
    """
    kb.embedder_of(kb.database.reading(datasets.get, scope, dataset_id))
    found = kb.database.reading(files.of_ids, scope, list(wanted))
    uploads = [_upload(kb, file, wanted[file.id]) for file in found]
    with kb.database.write() as tx:
        files.of_ids(tx, scope, list(wanted))  # their bytes are still needed
        batch_id = batches.create(tx, scope, dataset_id)
        target = UploadTarget(scope, dataset_id, batch_id)
        batches.add(tx, batch_id, [placing.put_file(tx, target, upload) for upload in uploads])
        quotas.check(tx, dataset_id, scope.key_id, *quotas.KEPT, "uploads_per_day")
    return batch_id


def _deleted(kb: KnowledgeBase, tx: Transaction, scope: Scope, file: StoredFile) -> list[str]:
    made = [document.id for document in files.documents_of(tx, scope, file.id)]
    kb.erasing.remember(tx, scope, made)
    hashes = [sha256 for each in made for sha256 in deletion.delete_document(tx, scope, each)]
    files.remove(tx, file.id)
    return [file.sha256, *hashes]


def _upload(kb: KnowledgeBase, file: StoredFile, attributes: Attributes | None) -> Upload:
    media_type, sha256, error = "application/octet-stream", "", None
    try:
        media_type, sha256 = _media_type(kb, file), file.sha256
    except KnowledgeBaseError as exc:
        error = Failure(exc.code, exc.detail)
    kind = (media_type, sha256, file.size_bytes)
    return Upload(file.name, *kind, None, attributes, error, file.id)


def _media_type(kb: KnowledgeBase, file: StoredFile) -> str:
    try:
        with kb.originals.path(file.sha256).open("rb") as source:
            head = source.read(HEAD_BYTES)
    except OSError as exc:  # deleted meanwhile, or lost
        raise NotFound("file", file.id) from exc
    if is_archive(head, file.name):
        raise UnsupportedMedia("An archive is not one document. Add the files that it holds.")
    return sniff(head, file.name)
