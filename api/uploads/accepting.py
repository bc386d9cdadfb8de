"""From staged files to the answer of an upload: what was accepted, and what was not and why."""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import AliasChoices, Field

from api.errors import AllRejected
from api.resources.response import Response
from api.threads import in_thread
from api.uploads.receiving import FileReceiver
from ingest.intake.upload import Rejection, accept
from ingest.work.preview import Planned, plan
from kb.errors import Rejected
from kb.knowledge_base import KnowledgeBase
from kb.metadata import parsed_metadata
from kb.store.work.placing import Mode
from kb.types import Document, Scope


class AcceptedFile(Response):
    """A file that became a document, or would with `dry_run`."""

    document_id: str | None = Field(validation_alias=AliasChoices("document_id", "id"))
    name: str
    size_bytes: int
    sha256: str
    status: str = Field(validation_alias=AliasChoices("outcome", "status"))


class UploadResponse(Response):
    """What became of the files of an upload; `batch_id` is null with `dry_run`."""

    batch_id: str | None
    accepted: tuple[AcceptedFile, ...]
    rejected: tuple[Rejection, ...]


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
    """Where an upload goes."""

    kb: KnowledgeBase
    scope: Scope
    dataset_id: str


async def accept_all(
    target: Target, receiver: FileReceiver, options: UploadOptions
) -> UploadResponse:
    """Make documents of what was taken in.

    Raises:
        AllRejected: not one file was accepted.
    """
    answer = await in_thread(_planned if options.dry_run else _accepted, target, receiver, options)
    if not answer.accepted:
        raise AllRejected(answer.model_dump())
    return answer


def content_of(receiver: FileReceiver) -> str:
    """Names and hashes of the files: what makes two uploads the same request."""
    files = [(item.name, item.staged.sha256) for item in receiver.staged]
    digest = hashlib.sha256(json.dumps(files).encode())
    return digest.hexdigest()


def _accepted(target: Target, receiver: FileReceiver, options: UploadOptions) -> UploadResponse:
    found = accept(
        target.kb,
        target.scope,
        target.dataset_id,
        receiver.staged,
        mode=options.mode,
        encoding=options.encoding,
        metadata=options.metadata,
    )
    return _answer(found.batch_id, found.accepted, [*found.rejected, *receiver.rejected])


def _planned(target: Target, receiver: FileReceiver, options: UploadOptions) -> UploadResponse:
    """What would become of the files, without storing anything."""
    found = plan(
        target.kb,
        target.scope,
        target.dataset_id,
        receiver.staged,
        mode=options.mode,
        encoding=options.encoding,
    )
    return _answer(None, found.planned, [*found.rejected, *receiver.rejected])


def _answer(
    batch_id: str | None, accepted: Sequence[Document | Planned], rejected: Sequence[Rejection]
) -> UploadResponse:
    fields = {"batch_id": batch_id, "accepted": accepted, "rejected": rejected}
    return UploadResponse.model_validate(fields)


def checked_encoding(name: str | None) -> str | None:
    """Python's name of an encoding. Raises Rejected."""
    if name is None:
        return None
    try:
        return codecs.lookup(name).name
    except LookupError as exc:
        raise Rejected(f"`encoding`: {name!r} is not known. Use a name such as gb18030.") from exc
