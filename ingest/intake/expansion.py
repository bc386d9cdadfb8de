"""From an archive to documents of the same batch, a bounded group of members at a time.

How many members are documents already is stored with each group, so after a crash the next start
goes on behind them. A member that cannot be a document is listed as a failed one: nothing vanishes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import BinaryIO

from ingest.intake.archives import UPLOAD_LIMITS, ArchiveMember, MemberStream, survey
from ingest.intake.upload import checked_name, shown_name
from ingest.sniff.media_types import sniff
from ingest.sniff.package_types import is_archive
from kb.errors import Rejected, TooLarge, UnreadableFile
from kb.files.originals import Staged
from kb.knowledge_base import KnowledgeBase
from kb.store.access import keys
from kb.store.content import documents, outbox
from kb.store.engine.database import Transaction
from kb.store.upkeep import erasures
from kb.store.work import batches, deletion, jobs, placing, quotas
from kb.store.work.jobs import Job
from kb.store.work.placing import Upload, UploadTarget
from kb.types import Document, Failure, Scope

SCOPE = Scope.admin()

GROUP_FILES = 256
GROUP_BYTES = 64 * 1024 * 1024
"""Members that become documents in one transaction: at most so many files or bytes."""

UNKNOWN_TYPE = "application/octet-stream"


_Unpacked = tuple[Upload, Staged | None]


@dataclass(frozen=True, slots=True)
class ArchiveContents:
    """What an archive holds: members that are to be documents, and how many are left out."""

    members: tuple[ArchiveMember, ...]
    skipped: int


def contents(file: BinaryIO, max_bytes: int) -> ArchiveContents:
    """Inspect an archive before anything is unpacked.

    Raises:
        UnreadableFile: it is damaged, dangerous, protected, over a limit or empty.
    """
    limits = replace(UPLOAD_LIMITS, member_bytes=max(UPLOAD_LIMITS.member_bytes, max_bytes))
    files = [member for member in survey(file, limits) if not member.is_folder]
    wanted = tuple(member for member in files if not _is_hidden(member.name))
    if not wanted:
        raise UnreadableFile("The archive holds no files. Pack it again.", reason="archive_empty")
    if wanted[0].refusal is not None and all(member.refusal for member in wanted):
        raise wanted[0].refusal
    return ArchiveContents(wanted, len(files) - len(wanted))


def expand(kb: KnowledgeBase, job: Job, *, is_stopping: Callable[[], bool]) -> None:
    """Make documents of an archive's members; then the archive itself is gone.

    Ends early, between two members, when the worker stops, the batch is paused or cancelled, or the
    claim is lost; what is done stays done.

    Args:
        is_stopping: whether to end soon.

    Raises:
        UnreadableFile: nothing of it can be used; the reason names why.
        NotFound: it was deleted meanwhile.
        StorageFull, QuotaExceeded: the members so far are documents; the rest can follow.
    """
    archive = kb.database.reading(documents.get, SCOPE, job.subject)
    with kb.originals.path(archive.sha256).open("rb") as file:
        found = contents(file, kb.settings.ingest.max_file_bytes)
        done = job.payload.get("done", 0)

        def may_go_on() -> bool:
            return not is_stopping() and kb.database.reading(jobs.may_go_on, job)

        while done < len(found.members):
            with ExitStack() as staging:
                members = found.members[done:]
                group = list(_group(kb, file, archive, members, staging, may_go_on))
                done += len(group)
                if is_stopping() or not group or not _store(kb, job, archive, group, done):
                    return
            if not may_go_on():
                return
    _finish(kb, job, found.skipped)


def member_upload(
    kb: KnowledgeBase,
    file: BinaryIO,
    archive_name: str,
    member: ArchiveMember,
    *,
    encoding: str | None = None,
) -> tuple[Upload, Staged | None]:
    """Unpack one member to disk; one that cannot be a document comes back as a failed upload.

    Raises:
        StorageFull: there is no space; nothing is left behind.
    """
    # Who packed the archive cannot be asked to rename a file, so its name is spelled out.
    name = (PurePosixPath(archive_name).parent / shown_name(member.name)).as_posix()
    staged: Staged | None = None
    try:
        name = checked_name(name)
        _check(member, kb.settings.ingest.max_file_bytes)
        staged = kb.originals.stage(
            MemberStream(file, member), max_bytes=kb.settings.ingest.max_file_bytes
        )
        if is_archive(staged.head, name):
            raise _nested()
        media_type = sniff(staged.head, name)
    except Rejected as exc:
        if staged is not None:
            kb.originals.discard(staged)
        failure = Failure(exc.code, exc.detail)
        return Upload(name, UNKNOWN_TYPE, "", member.size, encoding, error=failure), None
    return Upload(name, media_type, staged.sha256, staged.size_bytes, encoding), staged


def _group(
    kb: KnowledgeBase,
    file: BinaryIO,
    archive: Document,
    members: Sequence[ArchiveMember],
    staging: ExitStack,
    may_go_on: Callable[[], bool],
) -> Iterator[_Unpacked]:
    encoding = kb.database.reading(documents.encoding_override, archive.id)
    size = 0
    for member in members[:GROUP_FILES]:
        if size >= GROUP_BYTES or not may_go_on():
            return
        upload, staged = member_upload(kb, file, archive.name, member, encoding=encoding)
        if staged is not None:
            staging.callback(kb.originals.discard, staged)
            size += staged.size_bytes
        yield upload, staged


def _store(
    kb: KnowledgeBase, job: Job, archive: Document, group: Sequence[_Unpacked], done: int
) -> bool:
    """Make documents of a group, up to member `done`; False if the claim is lost."""
    sent = kb.originals.send(staged for _, staged in group if staged is not None)
    unneeded = [staged.sha256 for staged in sent.files]
    try:
        with kb.database.write() as tx:
            if not jobs.is_held(tx, job):
                return False
            wanted = _without_deleted(tx, job, archive, group)
            metadata, switches = archive.metadata or None, archive.switches
            described = [replace(u, metadata=metadata, switches=switches) for u, _ in wanted]
            kb.originals.adopt(tx, sent)
            mode = batches.mode_of(tx, job.batch_id)
            scope = keys.bringer(tx, quotas.key_of(tx, archive.id))
            to = UploadTarget(scope, archive.dataset_id, job.batch_id, mode, is_late=True)
            placed = placing.put(tx, to, described)
            batches.add(tx, job.batch_id, placed)
            quotas.check(tx, archive.dataset_id, scope.key_id, *quotas.KEPT)
            jobs.save(tx, job, {**job.payload, "done": done})
        left_out = set(unneeded) - {upload.sha256 for upload, _ in wanted}
        unneeded = [*placing.unneeded(placed, described), *left_out]
    finally:
        kb.collect_originals(unneeded)
    return True


def _without_deleted(
    tx: Transaction, job: Job, archive: Document, group: Sequence[_Unpacked]
) -> list[_Unpacked]:
    """A deletion that was acknowledged after the archive holds, however late this is."""
    names = [upload.name for upload, _ in group]
    left_out = erasures.deleted_since(tx, archive.dataset_id, job.batch_id, names)
    batches.add_deleted(tx, job.batch_id, left_out)
    return [(upload, staged) for upload, staged in group if upload.name not in left_out]


def _finish(kb: KnowledgeBase, job: Job, skipped: int) -> None:
    with kb.database.write() as tx:
        if not jobs.is_held(tx, job):
            return
        batches.remove_item(tx, job.subject)
        batches.add_skipped(tx, job.batch_id, skipped)
        hashes = deletion.delete_document(tx, SCOPE, job.subject)
        outbox.tell_completed(tx, job.batch_id)
    kb.collect_originals(hashes)


def _is_hidden(name: str) -> bool:
    return any(part == "__MACOSX" or part.startswith(".") for part in name.split("/"))


def _check(member: ArchiveMember, max_bytes: int) -> None:
    if member.refusal is not None:
        raise member.refusal
    if member.is_nested:
        raise _nested()
    if member.size > max_bytes:
        raise TooLarge(f"The file is larger than {max_bytes} bytes. Split it.")


def _nested() -> UnreadableFile:
    return UnreadableFile(
        "This is an archive inside an archive. Unpack it and upload what it holds.",
        reason="archive_nested",
    )
