"""From staged files to the answer of an upload: what was accepted, and what was not and why."""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query

from api.deps import Json
from api.errors import AllRejected
from api.threads import in_thread
from api.uploads.receiving import FileReceiver
from ingest.intake.planning import Planned, plan
from ingest.intake.upload import Rejection, UploadedFile, accept
from ingest.work.worker import Worker
from kb.errors import Rejected
from kb.knowledge_base import KnowledgeBase
from kb.metadata import parsed_metadata
from kb.store.content.placing import Mode
from kb.types import Document, Scope


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """How an upload is to be taken."""

    mode: Mode
    encoding: str | None
    metadata: dict[str, Any] | None
    dry_run: bool


async def get_options(
    mode: Mode = "replace",
    encoding: Annotated[str | None, Query(max_length=40)] = None,
    metadata: Annotated[str | None, Query(max_length=16_384)] = None,
    dry_run: bool = False,
) -> UploadOptions:
    """The query of an upload: `metadata` is a JSON object, `encoding` a name that Python knows."""
    described = None if metadata is None else parsed_metadata(metadata)
    return UploadOptions(mode, checked_encoding(encoding), described, dry_run)


OptionsDep = Annotated[UploadOptions, Depends(get_options)]


@dataclass(frozen=True, slots=True)
class Target:
    """Where an upload goes: a dataset, and the worker that is told about it."""

    kb: KnowledgeBase
    worker: Worker | None
    scope: Scope
    dataset_id: str


async def accept_all(target: Target, receiver: FileReceiver, options: UploadOptions) -> Json:
    """Make documents of what was taken in.

    Raises:
        AllRejected: not one file was accepted.
    """
    if options.dry_run:
        answer = await in_thread(_plan, target, receiver.staged, options)
    else:
        answer = await in_thread(_accept, target, receiver.staged, options)
        if target.worker is not None:
            target.worker.notify()
    answer["rejected"] += [_rejection(item) for item in receiver.rejected]
    if not answer["accepted"]:
        raise AllRejected(answer)
    return answer


def content_of(receiver: FileReceiver) -> str:
    """Names and hashes of the files: what makes two uploads the same request."""
    files = [(item.name, item.staged.sha256) for item in receiver.staged]
    digest = hashlib.sha256(json.dumps(files).encode())
    return digest.hexdigest()


def _accept(target: Target, staged: Sequence[UploadedFile], options: UploadOptions) -> Json:
    result = accept(
        target.kb,
        target.scope,
        target.dataset_id,
        staged,
        mode=options.mode,
        encoding=options.encoding,
        metadata=options.metadata,
    )
    return {
        "batch_id": result.batch_id,
        "accepted": [_accepted(document) for document in result.accepted],
        "rejected": [_rejection(item) for item in result.rejected],
    }


def _plan(target: Target, staged: Sequence[UploadedFile], options: UploadOptions) -> Json:
    """What would become of the files, without storing anything."""
    found = plan(
        target.kb,
        target.scope,
        target.dataset_id,
        staged,
        mode=options.mode,
        encoding=options.encoding,
    )
    return {
        "batch_id": None,
        "accepted": [_planned(item) for item in found.planned],
        "rejected": [_rejection(item) for item in found.rejected],
    }


def _planned(item: Planned) -> Json:
    return {
        "document_id": item.document_id,
        "name": item.name,
        "size_bytes": item.size_bytes,
        "sha256": item.sha256,
        "status": item.outcome,
    }


def _accepted(document: Document) -> Json:
    return {
        "document_id": document.id,
        "name": document.name,
        "size_bytes": document.size_bytes,
        "sha256": document.sha256,
        "status": document.status,
    }


def _rejection(item: Rejection) -> Json:
    return {"name": item.name, "code": item.code, "detail": item.detail}


def checked_encoding(name: str | None) -> str | None:
    """Python's name of an encoding. Raises Rejected."""
    if name is None:
        return None
    try:
        return codecs.lookup(name).name
    except LookupError as exc:
        raise Rejected(f"`encoding`: {name!r} is not known. Use a name such as gb18030.") from exc
