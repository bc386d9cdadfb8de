"""Creating and changing documents, by text and by file, under both spellings of each address."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter
from pydantic import BeforeValidator, Field
from starlette.requests import Request

from api.dialects.dify.knowledge.places import IntoDataset, IntoDocument, Place, document_in
from api.dialects.dify.knowledge.records import Record, document_record
from api.dialects.dify.knowledge.taking import DocumentOptions, as_text, take
from api.resources.fields import Id, Name
from api.resources.response import BINARY, takes
from api.threads import in_thread, read, write
from api.uploads.multipart import json_part, receive_files
from api.uploads.receiving import only_file, receive_body, receiving_files
from ingest.intake.upload import checked_name
from kb.store.content import documents
from kb.types import Document

router = APIRouter(prefix="/datasets/{dataset_id}", tags=["documents"])

_PARTS = {"file": BINARY, "data": {"type": "string", "description": "JSON: how it is processed"}}
_FORM = takes("multipart/form-data", {"type": "object", "properties": _PARTS, "required": ["file"]})

_or_none = BeforeValidator(lambda value: value or None)
Title = Annotated[Name | None, _or_none]
Content = Annotated[str, Field(min_length=1)]
"""As long as the body of a request may be."""


class TextBody(DocumentOptions):
    """A new document of a text."""

    name: Name
    text: Content


class TextChange(DocumentOptions):
    """Another text or name of a document."""

    name: Title = None
    text: Annotated[Content | None, _or_none] = None


class FileOptions(DocumentOptions):
    """What comes with a file: another name than its own, or which document it is a version of."""

    name: Title = None
    original_document_id: Annotated[Id | None, _or_none] = None


@router.post("/document/create-by-text")
@router.post("/document/create_by_text", include_in_schema=False)
async def create_by_text(body: TextBody, at: IntoDataset) -> Record:
    """Make a document of a text."""
    return await _take_text(at, body, body.name, body.text)


@router.post("/document/create-by-file", openapi_extra=_FORM)
@router.post("/document/create_by_file", include_in_schema=False)
async def create_by_file(request: Request, at: IntoDataset) -> Record:
    """Make a document of a file, or the next version of another."""
    return await _take_file(request, at)


@router.post("/documents/{document_id}/update-by-text")
@router.post("/documents/{document_id}/update_by_text", include_in_schema=False)
async def update_by_text(body: TextChange, at: IntoDocument) -> Record:
    """Give a document another text, another name, or both."""
    place, found = at
    if body.text is not None:
        return await _take_text(place, body, body.name or found.name, body.text, found)
    if body.name is not None:
        named = (place.scope, found.id, checked_name(body.name))
        found = await write(place.kb, documents.rename, *named)
    return {"document": document_record(found, place.dataset), "batch": found.batch_id or ""}


@router.post("/documents/{document_id}/update-by-file", openapi_extra=_FORM)
@router.post("/documents/{document_id}/update_by_file", include_in_schema=False)
@router.patch("/documents/{document_id}", openapi_extra=_FORM)
async def update_by_file(request: Request, at: IntoDocument) -> Record:
    """Replace a document by another file."""
    return await _take_file(request, at.within, at.document)


async def _take_text(
    at: Place, options: DocumentOptions, name: str, text: str, old: Document | None = None
) -> Record:
    async def body() -> AsyncIterator[bytes]:
        yield text.encode()

    async with receiving_files(at.kb) as receiver:
        await receive_body(receiver, name, body())
        return await take(at, options, await in_thread(as_text, only_file(receiver)), old)


async def _take_file(request: Request, at: Place, old: Document | None = None) -> Record:
    async with receiving_files(at.kb) as receiver:
        kind = request.headers.get("content-type", "")
        fields = await receive_files(receiver, kind, request.stream())
        file, options = only_file(receiver), json_part(FileOptions, fields, "data") or FileOptions()
        if (old_id := options.original_document_id) and old is None:
            old = await read(at.kb, document_in, at.scope, at.dataset.id, old_id)
        return await take(at, options, replace(file, name=options.name or file.name), old)
