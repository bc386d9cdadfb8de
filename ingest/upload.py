"""Accepting files: what is acknowledged is on disk, and what is refused says why, by name."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from ingest.media_types import sniff
from kb.errors import KnowledgeBaseError, Rejected
from kb.knowledge_base import KnowledgeBase
from kb.store import batches, datasets, documents
from kb.store.documents import Mode, Upload
from kb.store.originals import Staged
from kb.types import Document, Scope

MAX_NAME_CHARACTERS = 512


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file that is on disk under a temporary name."""

    name: str
    staged: Staged


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
    incoming: Sequence[Incoming],
    *,
    mode: Mode = "replace",
    encoding: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> Acceptance:
    """Make documents of staged files, in one transaction: all of them are acknowledged, or none.

    Raises:
        NotFound: the dataset cannot be seen.
        StorageFull: the disk is full; nothing was stored.
    """
    try:
        kb.database.reading(datasets.get, scope, dataset_id)
        taken, rejected = _sorted_out(incoming, encoding, metadata or {})
        batch_id, placed = _store(kb, scope, dataset_id, taken, mode) if taken else (None, [])
    finally:
        for item in incoming:
            kb.originals.discard(item.staged)
    kb.collect_originals(item.replaced for item in placed if item.replaced)
    return Acceptance(batch_id, tuple(item.document for item in placed), tuple(rejected))


def checked_name(name: str) -> str:
    """A document's name: a relative path with forward slashes, in NFC.

    Raises:
        Rejected: it is empty, too long, absolute, or climbs out with `..`.
    """
    name = unicodedata.normalize("NFC", name.replace("\\", "/")).strip()
    parts = [part for part in PurePosixPath(name).parts if part != "."]
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise Rejected("The file name holds control characters. Rename the file.")
    if not parts or name.startswith("/") or ".." in parts or parts[0].endswith(":"):
        raise Rejected(f"{name!r} is no usable file name. Send a relative path such as dir/a.md.")
    if len(name) > MAX_NAME_CHARACTERS:
        raise Rejected(f"The file name is over {MAX_NAME_CHARACTERS} characters. Shorten it.")
    return "/".join(parts)


def _sorted_out(
    incoming: Sequence[Incoming], encoding: str | None, metadata: Mapping[str, Any]
) -> tuple[list[tuple[Upload, Staged]], list[Rejection]]:
    taken: list[tuple[Upload, Staged]] = []
    rejected: list[Rejection] = []
    for item in incoming:
        try:
            name = checked_name(item.name)
            media_type = sniff(item.staged.head, name)
        except KnowledgeBaseError as exc:
            rejected.append(Rejection(item.name, exc.code, exc.detail))
            continue
        staged = item.staged
        upload = Upload(
            name, media_type, staged.sha256, staged.size_bytes, encoding, dict(metadata)
        )
        taken.append((upload, staged))
    return taken, rejected


def _store(
    kb: KnowledgeBase,
    scope: Scope,
    dataset_id: str,
    taken: Sequence[tuple[Upload, Staged]],
    mode: Mode,
) -> tuple[str, list[documents.Placed]]:
    with kb.database.write() as tx:
        kb.originals.adopt([staged for _, staged in taken])
        batch_id = batches.create(tx, scope, dataset_id)
        placed = [
            documents.put(tx, scope, dataset_id, upload, mode=mode, batch_id=batch_id)
            for upload, _ in taken
        ]
        batches.add(tx, batch_id, [item.document for item in placed])
    return batch_id, placed
