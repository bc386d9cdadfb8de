"""What an upload would do, without doing it: which documents would change, and what would become of
one file. Nothing is stored, archives are looked into.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingest.intake.expansion import contents, member_upload
from ingest.intake.upload import Rejection, UploadedFile, checked_name, classified
from ingest.sandbox.processing import Processed
from ingest.sandbox.reader_process import ReaderPool, SourceFile
from ingest.sniff.media_types import sniff
from ingest.work.pipeline import plan_of
from ingest.work.transcribing import readable
from kb.errors import Rejected
from kb.files.originals import Staged
from kb.knowledge_base import KnowledgeBase
from kb.store.content import datasets
from kb.store.work import placing
from kb.store.work.placing import Mode, Outcome, Upload
from kb.types import ARCHIVE_TYPE, Processing, Scope


@dataclass(frozen=True, slots=True)
class Planned:
    """What would happen to one file; `document_id` is that of the document it would change."""

    name: str
    size_bytes: int
    sha256: str
    document_id: str | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class UploadPreview:
    """What would happen to all files of an upload; there is no batch."""

    accepted: tuple[Planned, ...]
    rejected: tuple[Rejection, ...]
    batch_id: None = None


def plan(
    kb: KnowledgeBase,
    scope: Scope,
    dataset_id: str,
    incoming: Sequence[UploadedFile],
    *,
    mode: Mode = "replace",
    encoding: str | None = None,
) -> UploadPreview:
    """Look at staged files as `accept` would, archives member by member.

    Raises:
        NotFound: the dataset cannot be seen.
    """
    kb.database.reading(datasets.get, scope, dataset_id)
    taken, rejected = classified(kb.settings.ingest, incoming, encoding, None)
    uploads: list[Upload] = []
    for upload, staged in taken:
        if upload.media_type != ARCHIVE_TYPE:
            uploads.append(upload)
            continue
        members, refused = _members(kb, upload.name, staged, encoding)
        uploads += members
        rejected += refused
    there = kb.database.reading(placing.existing, scope, dataset_id, [u.name for u in uploads])
    planned = []
    for upload in uploads:
        before = there.get(upload.name)
        changed = None if before is None else before.id
        outcome = placing.outcome_of(before, upload, mode)
        planned.append(Planned(upload.name, upload.size_bytes, upload.sha256, changed, outcome))
    return UploadPreview(tuple(planned), tuple(rejected))


def _members(
    kb: KnowledgeBase, archive: str, staged_archive: Staged, encoding: str | None
) -> tuple[list[Upload], list[Rejection]]:
    uploads: list[Upload] = []
    refused: list[Rejection] = []
    with staged_archive.path.open("rb") as source:
        try:
            found = contents(source, kb.settings.ingest.max_file_bytes)
        except Rejected as exc:
            return [], [Rejection(archive, exc.code, exc.detail)]
        for member in found.members:
            upload, staged = member_upload(kb, source, archive, member, encoding=encoding)
            if staged is not None:
                kb.originals.discard(staged)
            if upload.error is None:
                uploads.append(upload)
            else:
                failure = upload.error
                refused.append(Rejection(upload.name, failure.code, failure.detail))
    return uploads, refused


@dataclass(frozen=True, slots=True)
class Preview:
    """A document that exists nowhere. `tokens` counts each chunk's `index_text`."""

    name: str
    media_type: str
    processed: Processed
    tokens: tuple[int, ...]


def preview(
    kb: KnowledgeBase,
    readers: ReaderPool,
    incoming: UploadedFile,
    processing: Processing,
    *,
    limit: int,
    encoding: str | None = None,
) -> Preview:
    """Do to a staged file what an upload into a dataset with this processing would do.

    Of removals and chunks the first `limit` are shown.

    Raises:
        UnsupportedMedia: no reader for these bytes.
        UnreadableFile: its reader gave up, or the way of splitting does not fit.
    """
    name, staged = checked_name(incoming.name), incoming.staged
    media_type = sniff(staged.head, name)
    if media_type == ARCHIVE_TYPE:
        raise Rejected("An archive has no preview. Send one of the files that it holds.")
    plan = plan_of(processing, kb.embedder, "preview", "preview", staged.size_bytes)
    source = SourceFile(staged.path, media_type, encoding)
    with readable(kb, source, lambda: True) as file:
        processed = readers.process(file, replace(plan, shown=limit), lambda: True)
    offsets = kb.embedder.tokenizer.offsets
    tokens = tuple(len(offsets(chunk.index_text)) for chunk in processed.chunks)
    return Preview(name, media_type, processed, tokens)
