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
from api.intake import Intake
from api.threads import in_thread
from ingest.media_types import sniff
from ingest.upload import Incoming, Rejection, accept, checked_name
from ingest.worker import Worker
from kb.errors import KnowledgeBaseError, Rejected
from kb.knowledge_base import KnowledgeBase
from kb.store.documents import Mode
from kb.types import Document, Scope


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """How an upload is to be taken."""

    mode: Mode
    encoding: str | None
    metadata: dict[str, Any]
    dry_run: bool


async def get_options(
    mode: Mode = "replace",
    encoding: Annotated[str | None, Query(max_length=40)] = None,
    metadata: Annotated[str | None, Query(max_length=16_384)] = None,
    dry_run: bool = False,
) -> UploadOptions:
    """The query of an upload: `metadata` is a JSON object, `encoding` a name that Python knows."""
    return UploadOptions(mode, _checked_encoding(encoding), _parsed_metadata(metadata), dry_run)


OptionsDep = Annotated[UploadOptions, Depends(get_options)]


@dataclass(frozen=True, slots=True)
class Target:
    """Where an upload goes: a dataset, and the worker that is told about it."""

    kb: KnowledgeBase
    worker: Worker | None
    scope: Scope
    dataset_id: str


async def accept_all(target: Target, intake: Intake, options: UploadOptions) -> Json:
    """Make documents of what was taken in.

    Raises:
        AllRejected: not one file was accepted.
    """
    if options.dry_run:
        answer = _looked_at(intake.staged)
    else:
        answer = await in_thread(_accept, target, intake.staged, options)
        if target.worker is not None:
            target.worker.notify()
    answer["rejected"] += [_rejection(item) for item in intake.rejected]
    if not answer["accepted"]:
        raise AllRejected(answer)
    return answer


def content_of(intake: Intake) -> str:
    """Names and hashes of the files: what makes two uploads the same request."""
    files = [(item.name, item.staged.sha256) for item in intake.staged]
    digest = hashlib.sha256(json.dumps(files).encode())
    return digest.hexdigest()


def _accept(target: Target, staged: Sequence[Incoming], options: UploadOptions) -> Json:
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


def _looked_at(staged: Sequence[Incoming]) -> Json:
    """What would be accepted, without storing anything."""
    answer: Json = {"batch_id": None, "accepted": [], "rejected": []}
    for item in staged:
        try:
            name = checked_name(item.name)
            sniff(item.staged.head, name)
        except KnowledgeBaseError as exc:
            answer["rejected"].append(_rejection(Rejection(item.name, exc.code, exc.detail)))
            continue
        answer["accepted"].append(
            {
                "document_id": None,
                "name": name,
                "size_bytes": item.staged.size_bytes,
                "sha256": item.staged.sha256,
                "status": "not_stored",
            }
        )
    return answer


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


def _checked_encoding(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        return codecs.lookup(name).name
    except LookupError as exc:
        raise Rejected(f"`encoding`: {name!r} is not known. Use a name such as gb18030.") from exc


def _parsed_metadata(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        value = json.loads(text)
    except ValueError as exc:
        raise Rejected("`metadata` is not valid JSON.") from exc
    if not isinstance(value, dict):
        raise Rejected("`metadata` must be a JSON object.")
    return value
