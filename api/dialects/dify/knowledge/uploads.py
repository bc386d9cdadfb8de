"""Creating and changing documents, by text and by file, under both spellings of each address."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request

from api.deps import KB, IngestCaller
from api.dialects.dify.knowledge.records import document_record
from api.dialects.dify.knowledge.requests import FileOptions, TextBody, TextChange
from api.dialects.dify.knowledge.taking import Taken, Taking, as_text, taking
from api.resources.response import BINARY, takes
from api.threads import in_thread, read, write
from api.uploads.multipart import json_part, receive_files
from api.uploads.receiving import only_file, receive_body, receiving_files
from ingest.intake.upload import UploadedFile, checked_name
from kb.errors import NotFound
from kb.knowledge_base import KnowledgeBase
from kb.store.content import datasets, documents
from kb.store.engine.database import Transaction
from kb.types import Dataset, Document, Scope

router = APIRouter(prefix="/datasets/{dataset_id}", tags=["documents"])

_PARTS = {"file": BINARY, "data": {"type": "string", "description": "JSON: how it is processed"}}
_FORM = takes("multipart/form-data", {"type": "object", "properties": _PARTS, "required": ["file"]})


@router.post("/document/create-by-text")
@router.post("/document/create_by_text", include_in_schema=False)
async def create_by_text(
    dataset_id: str, body: TextBody, kb: KB, caller: IngestCaller
) -> dict[str, Any]:
    """Make a document of a text."""
    into = await taking(kb, caller.scope, dataset_id, body)
    return _answer(await _take_text(into, None, body.name, body.text))


@router.post("/document/create-by-file", openapi_extra=_FORM)
@router.post("/document/create_by_file", include_in_schema=False)
async def create_by_file(
    dataset_id: str, request: Request, kb: KB, caller: IngestCaller
) -> dict[str, Any]:
    """Make a document of a file, or the next version of another."""
    await read(kb, datasets.get, caller.scope, dataset_id)
    return await _take_file(request, kb, caller.scope, dataset_id, None)


@router.post("/documents/{document_id}/update-by-text")
@router.post("/documents/{document_id}/update_by_text", include_in_schema=False)
async def update_by_text(
    dataset_id: str, document_id: str, body: TextChange, kb: KB, caller: IngestCaller
) -> dict[str, Any]:
    """Give a document another text, another name, or both."""
    _, found = await read(kb, document_in, caller.scope, dataset_id, document_id)
    into = await taking(kb, caller.scope, dataset_id, body)
    if body.text is not None:
        return _answer(await _take_text(into, found, body.name or found.name, body.text))
    if body.name is not None:
        named = (document_id, checked_name(body.name))
        found = await write(kb, documents.rename, caller.scope, *named)
    return _answer(Taken(found, into.dataset, found.batch_id or ""))


@router.post("/documents/{document_id}/update-by-file", openapi_extra=_FORM)
@router.post("/documents/{document_id}/update_by_file", include_in_schema=False)
@router.patch("/documents/{document_id}", openapi_extra=_FORM)
async def update_by_file(
    dataset_id: str, document_id: str, request: Request, kb: KB, caller: IngestCaller
) -> dict[str, Any]:
    """Replace a document by another file."""
    await read(kb, document_in, caller.scope, dataset_id, document_id)
    return await _take_file(request, kb, caller.scope, dataset_id, document_id)


def document_in(
    tx: Transaction, scope: Scope, dataset_id: str, document_id: str
) -> tuple[Dataset, Document]:
    """A dataset and a document of it. Raises NotFound."""
    dataset = datasets.get(tx, scope, dataset_id)
    found = documents.get(tx, scope, document_id)
    if found.dataset_id != dataset_id:
        raise NotFound("document", document_id)
    return dataset, found


async def _take_text(into: Taking, old: Document | None, name: str, text: str) -> Taken:
    async def body() -> Any:
        yield text.encode()

    async with receiving_files(into.kb) as receiver:
        await receive_body(receiver, name, body())
        return await in_thread(lambda: _taken(into, old, as_text(only_file(receiver))))


async def _take_file(
    request: Request, kb: KnowledgeBase, scope: Scope, dataset_id: str, document_id: str | None
) -> dict[str, Any]:
    async with receiving_files(kb) as receiver:
        kind = request.headers.get("content-type", "")
        fields = await receive_files(receiver, kind, request.stream())
        file, options = only_file(receiver), json_part(FileOptions, fields, "data") or FileOptions()
        into = await taking(kb, scope, dataset_id, options)
        old_id, old = document_id or options.original_document_id, None
        if old_id is not None:
            _, old = await read(kb, document_in, scope, dataset_id, old_id)
        named = replace(file, name=options.name or file.name)
        return _answer(await in_thread(_taken, into, old, named))


def _taken(into: Taking, old: Document | None, file: UploadedFile) -> Taken:
    return into.new(file) if old is None else into.again(old, file)


def _answer(taken: Taken) -> dict[str, Any]:
    shown = document_record(taken.document, taken.dataset)
    return {"document": shown, "batch": taken.batch_id}
