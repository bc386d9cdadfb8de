"""From staged files to the answer of an upload: what was accepted, and what was not and why."""

from __future__ import annotations

import codecs
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Query
from pydantic import AliasChoices, Field

from api.errors import AllRejected
from api.resources.response import Response
from api.threads import in_file_thread, in_thread
from api.uploads.receiving import FileReceiver
from ingest.intake.upload import Acceptance, Rejection, accept
from ingest.work.preview import UploadPreview, plan
from kb.errors import Rejected
from kb.knowledge_base import KnowledgeBase
from kb.metadata import parsed_metadata, parsed_switches
from kb.store.work.placing import Mode
from kb.types import Scope


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
    switches: Mapping[str, Any]


async def get_options(
    mode: Mode = "replace",
    encoding: Annotated[str | None, Query(max_length=40)] = None,
    metadata: Annotated[str | None, Query(max_length=16_384)] = None,
    dry_run: bool = False,
    labels: Annotated[str | None, Query(max_length=2000)] = None,
    valid_from: date | None = None,
    valid_until: date | None = None,
    enabled: bool | None = None,
) -> UploadOptions:
    """The query of an upload: `metadata` is a JSON object, `encoding` a name that Python knows,
    `labels` are parted by commas; these, the days and `enabled` hold from the first moment."""
    described = None if metadata is None else parsed_metadata(metadata)
    given = {"labels": labels, "valid_from": valid_from, "valid_until": valid_until}
    told = {name: str(value) for name, value in given.items() if value is not None}
    switches = parsed_switches(told) | ({} if enabled is None else {"enabled": enabled})
    return UploadOptions(mode, checked_encoding(encoding), described, dry_run, switches)


OptionsDep = Annotated[UploadOptions, Depends(get_options)]


class Target(NamedTuple):
    """Where an upload goes."""

    kb: KnowledgeBase
    scope: Scope
    dataset_id: str


async def accept_all(
    target: Target, receiver: FileReceiver, options: UploadOptions
) -> UploadResponse:
    """Make documents of what was taken in, or with `dry_run` only say which they would be.

    Raises:
        AllRejected: not one file was accepted.
    """
    files, mode, encoding = receiver.staged, options.mode, options.encoding
    found: UploadPreview | Acceptance
    if options.dry_run:
        found = await in_thread(plan, *target, files, mode=mode, encoding=encoding)
    else:
        how = partial(accept, mode=mode, encoding=encoding, metadata=options.metadata)
        how = partial(how, switches=options.switches)
        found = await in_file_thread(how, *target, files)
    rejected = (*found.rejected, *receiver.rejected)
    answer = UploadResponse.model_validate(replace(found, rejected=rejected))
    if not answer.accepted:
        raise AllRejected(answer.model_dump())
    return answer


def content_of(receiver: FileReceiver) -> str:
    """Names and hashes of the files: what makes two uploads the same request."""
    files = [(item.name, item.staged.sha256) for item in receiver.staged]
    digest = hashlib.sha256(json.dumps(files).encode())
    return digest.hexdigest()


def checked_encoding(name: str | None) -> str | None:
    """Python's name of an encoding. Raises Rejected."""
    if name is None:
        return None
    try:
        "".encode(name)  # fails for codecs of bytes, such as zlib
        return codecs.lookup(name).name
    except (LookupError, ValueError) as exc:  # the latter for U+0000
        raise Rejected(f"`encoding`: {name!r} is not known. Use a name such as gb18030.") from exc
