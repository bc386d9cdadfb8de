"""Accepting files: what is acknowledged is on disk, and what is refused says why, by name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from ingest.sniff.media_types import sniff
from ingest.sniff.package_types import is_archive
from kb.errors import KnowledgeBaseError, Rejected, TooLarge
from kb.files.originals import Staged
from kb.knowledge_base import KnowledgeBase
from kb.settings import IngestSettings
from kb.store.content import datasets
from kb.store.content.changing import checked_switches
from kb.store.engine.database import Transaction
from kb.store.work import batches, placing, quotas
from kb.store.work.placing import Mode, Upload, UploadedDocument, UploadTarget
from kb.types import ARCHIVE_TYPE, Document, Scope

MAX_NAME_CHARACTERS = 512

_MISLEADING = re.compile(
    "[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters, those that end a line or turn its direction, and halves of characters."""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file that is on disk under a temporary name; without a media type, its bytes tell it."""

    name: str
    staged: Staged
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A file that was not taken, and why."""

    name: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What became of an upload; without a batch nothing was stored."""

    batch_id: str | None
    accepted: tuple[Document, ...]
    rejected: tuple[Rejection, ...]


def accept(
    kb: KnowledgeBase,
    scope: Scope,
    dataset_id: str,
    incoming: Sequence[UploadedFile],
    *,
    mode: Mode = "replace",
    encoding: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    switches: Mapping[str, Any] | None = None,
    on_accepted: Callable[[Transaction, Acceptance], None] | None = None,
) -> Acceptance:
    """Make documents of staged files, in one transaction: all of them are acknowledged, or none.

    Args:
        metadata, switches (labels, days, on or off): None leaves what documents that exist have.
        on_accepted: is called in the same transaction when something was accepted.

    Raises:
        NotFound: the dataset cannot be seen.
        Rejected: the switches do not fit, or a hidden document has a name.
        QuotaExceeded, RateLimited, StorageFull: there is no room; nothing was stored.
        EmbedderMismatch: it was built with another embedder: nothing could be indexed.
    """
    placed: list[UploadedDocument] = []
    try:
        kb.embedder_of(kb.database.reading(datasets.get, scope, dataset_id))
        taken, rejected = classified(kb.settings.ingest, incoming, encoding, metadata)
        if not taken:
            return Acceptance(None, (), tuple(rejected))
        uploads = [replace(u, switches=checked_switches(scope, switches or {})) for u, _ in taken]
        try:
            sent = kb.originals.send(staged for _, staged in taken)
            with kb.database.write() as tx:
                kb.originals.adopt(tx, sent)
                batch_id = batches.create(tx, scope, dataset_id, mode)
                placed = _place(tx, UploadTarget(scope, dataset_id, batch_id, mode), uploads)
                batches.add(tx, batch_id, placed)
                quotas.check(tx, dataset_id, scope.key_id, *quotas.KEPT, "uploads_per_day")
                acceptance = _accepted(batch_id, placed, rejected)
                if on_accepted is not None:
                    on_accepted(tx, acceptance)
        except BaseException:  # what got its name before the transaction failed is nobody's
            kb.collect_originals(staged.sha256 for _, staged in taken)
            raise
    finally:
        for item in incoming:
            kb.originals.discard(item.staged)
    kb.collect_originals(placing.unneeded(placed, uploads))
    return acceptance


def _accepted(
    batch_id: str, placed: Sequence[UploadedDocument], rejected: Sequence[Rejection]
) -> Acceptance:
    return Acceptance(batch_id, tuple(item.document for item in placed), tuple(rejected))


def classified(
    limits: IngestSettings,
    incoming: Sequence[UploadedFile],
    encoding: str | None,
    metadata: Mapping[str, Any] | None,
) -> tuple[list[tuple[Upload, Staged]], list[Rejection]]:
    """The files that can be documents or archives of documents, and why the others cannot."""
    taken: list[tuple[Upload, Staged]] = []
    rejected: list[Rejection] = []
    for item in incoming:
        staged = item.staged
        try:
            name = checked_name(item.name)
            media_type = _media_type(limits, item, name)
        except KnowledgeBaseError as exc:
            rejected.append(Rejection(shown_name(item.name), exc.code, exc.detail))
            continue
        size = staged.size_bytes
        upload = Upload(name, media_type, staged.sha256, size, encoding, metadata)
        taken.append((upload, staged))
    return taken, rejected


def shown_name(name: str) -> str:
    """A name without the characters that documents' names may not hold; each is spelled out."""
    return _MISLEADING.sub(lambda found: f"<{_code_point(found)}>", name)[:MAX_NAME_CHARACTERS]


def _code_point(found: re.Match[str]) -> str:
    return f"U+{ord(found[0]):04X}"


def checked_name(name: str) -> str:
    """A document's name: a relative path with forward slashes, in NFC.

    Raises:
        Rejected: it is empty, too long, absolute, climbs out with `..`, or does not look as it is.
    """
    name = unicodedata.normalize("NFC", name.replace("\\", "/")).strip()
    if len(name) > MAX_NAME_CHARACTERS:
        raise Rejected(f"The file name is over {MAX_NAME_CHARACTERS} characters. Shorten it.")
    parts = [part for part in PurePosixPath(name).parts if part != "."]
    if (found := _MISLEADING.search(name)) is not None:
        raise Rejected(
            f"The file name holds the character {_code_point(found)}, which is not shown as it is: "
            f"it controls, turns or ends a line. Rename the file."
        )
    if not parts or name.startswith("/") or ".." in parts or parts[0].endswith(":"):
        raise Rejected(
            f"{name!r} is not a usable file name. Send a relative path such as dir/a.md."
        )
    return "/".join(parts)


def _media_type(limits: IngestSettings, item: UploadedFile, name: str) -> str:
    staged = item.staged
    if item.media_type is None and is_archive(staged.head, name):
        return ARCHIVE_TYPE
    if staged.size_bytes > limits.max_file_bytes:
        raise TooLarge(f"The file is larger than {limits.max_file_bytes} bytes. Split it.")
    return item.media_type or sniff(staged.head, name)


def _place(
    tx: Transaction, target: UploadTarget, uploads: Sequence[Upload]
) -> list[UploadedDocument]:
    """In the order of the files; all that are not archives are placed together."""
    plain = [upload for upload in uploads if upload.media_type != ARCHIVE_TYPE]
    placed = iter(placing.put(tx, target, plain))
    return [
        placing.put_archive(tx, target, upload)
        if upload.media_type == ARCHIVE_TYPE
        else next(placed)
        for upload in uploads
    ]
