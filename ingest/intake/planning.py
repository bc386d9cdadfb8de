"""What an upload would do, without doing it: nothing is stored, archives are looked into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.intake.expansion import contents, member_upload
from ingest.intake.upload import Rejection, UploadedFile, classified
from kb.errors import Rejected
from kb.files.originals import Staged
from kb.knowledge_base import KnowledgeBase
from kb.store.content import datasets, placing
from kb.store.content.placing import Mode, Outcome, Upload
from kb.types import ARCHIVE_TYPE, Scope


@dataclass(frozen=True, slots=True)
class Planned:
    """What would happen to one file; `document_id` is that of the document it would change."""

    name: str
    size_bytes: int
    sha256: str
    document_id: str | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Plan:
    """What would happen to all files of an upload."""

    planned: tuple[Planned, ...]
    rejected: tuple[Rejection, ...]


def plan(
    kb: KnowledgeBase,
    scope: Scope,
    dataset_id: str,
    incoming: Sequence[UploadedFile],
    *,
    mode: Mode = "replace",
    encoding: str | None = None,
) -> Plan:
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
    names = [upload.name for upload in uploads]
    there = kb.database.reading(placing.existing, dataset_id, names)
    planned = []
    for upload in uploads:
        before = there.get(upload.name)
        outcome = placing.outcome_of(before, upload, mode)
        changed = None if before is None else before.id
        head = (upload.name, upload.size_bytes, upload.sha256)
        planned.append(Planned(*head, changed, outcome))
    return Plan(tuple(planned), tuple(rejected))


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
            if upload.failure is None:
                uploads.append(upload)
            else:
                failure = upload.failure
                refused.append(Rejection(upload.name, failure.code, failure.detail))
    return uploads, refused
