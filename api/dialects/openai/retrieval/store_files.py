"""/vector_stores/{id}/files and /file_batches: documents of a dataset that are made of files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query

from api.deps import KB, IngestScope, SearchScope
from api.dialects.openai.retrieval.objects import Object, batch_object, file_object, texts_page
from api.dialects.openai.retrieval.requests import AttributesBody, BatchBody, MemberBody
from api.dialects.openai.shared.errors import UnsupportedField
from api.dialects.openai.shared.paging import Paging, PagingDep
from api.threads import in_file_thread, in_thread, read, write
from ingest.intake.files import attach
from kb.errors import NotFound, Rejected
from kb.knowledge_base import KnowledgeBase
from kb.store.content import chunks, datasets, documents, members
from kb.store.content.members import State
from kb.store.engine.database import Transaction
from kb.store.engine.paging import MAX_LIMIT, PageRequest
from kb.store.work import batch_control, batches
from kb.types import Chunk, Scope

router = APIRouter(prefix="/vector_stores/{store_id}", tags=["vector stores"])

StateFilter = Annotated[State | None, Query(alias="filter")]


@router.post("/files")
async def add_file(store_id: str, body: MemberBody, kb: KB, scope: IngestScope) -> Object:
    """Put a file into a vector store."""
    await in_file_thread(add_files, kb, scope, store_id, [body])
    return await read(kb, _one, scope, store_id, body.file_id)


@router.get("/files")
async def list_store_files(
    store_id: str, kb: KB, scope: SearchScope, page: PagingDep, state: StateFilter = None
) -> Object:
    """The files of a vector store, in one state if that is given."""
    return await read(kb, _page, scope, store_id, page, state)


@router.get("/files/{file_id}")
async def get_store_file(store_id: str, file_id: str, kb: KB, scope: SearchScope) -> Object:
    """One file of a vector store."""
    return await read(kb, _one, scope, store_id, file_id)


@router.post("/files/{file_id}")
async def change_store_file(
    store_id: str, file_id: str, body: AttributesBody, kb: KB, scope: IngestScope
) -> Object:
    """Give a file of a vector store other attributes."""
    found = await read(kb, members.get, scope, store_id, file_id)
    await write(kb, documents.set_metadata, {found.id: body.attributes or {}})
    return await read(kb, _one, scope, store_id, file_id)


@router.delete("/files/{file_id}")
async def remove_store_file(store_id: str, file_id: str, kb: KB, scope: IngestScope) -> Object:
    """Take a file out of a vector store; the file itself is kept."""
    found = await read(kb, members.get, scope, store_id, file_id)
    await in_thread(kb.delete_document, scope, found.id)
    return {"id": file_id, "object": "vector_store.file.deleted", "deleted": True}


@router.get("/files/{file_id}/content")
async def get_store_file_content(store_id: str, file_id: str, kb: KB, scope: SearchScope) -> Object:
    """The text of a file as it is searched, chunk by chunk."""
    found = await read(kb, _chunks, scope, store_id, file_id)
    return texts_page("file_content", [{"type": "text", "text": each.text} for each in found])


@router.post("/file_batches")
async def create_file_batch(store_id: str, body: BatchBody, kb: KB, scope: IngestScope) -> Object:
    """Put several files into a vector store at once."""
    if not (wanted := body.members()):
        raise Rejected("`file_ids` or `files` must name at least one file.")
    batch_id = await in_file_thread(add_files, kb, scope, store_id, wanted)
    return await read(kb, _batch, scope, store_id, batch_id)


@router.get("/file_batches/{batch_id}")
async def get_file_batch(store_id: str, batch_id: str, kb: KB, scope: IngestScope) -> Object:
    """How far a batch has come."""
    return await read(kb, _batch, scope, store_id, batch_id)


@router.post("/file_batches/{batch_id}/cancel")
async def cancel_file_batch(store_id: str, batch_id: str, kb: KB, scope: IngestScope) -> Object:
    """Give up what is not indexed yet."""
    await read(kb, _batch, scope, store_id, batch_id)
    await write(kb, batch_control.cancel, scope, batch_id)
    return await read(kb, _batch, scope, store_id, batch_id)


@router.get("/file_batches/{batch_id}/files")
async def list_files_of_batch(
    store_id: str,
    batch_id: str,
    kb: KB,
    scope: IngestScope,
    page: PagingDep,
    state: StateFilter = None,
) -> Object:
    """The files of a batch, in one state if that is given."""
    await read(kb, _batch, scope, store_id, batch_id)
    return await read(kb, _page, scope, store_id, page, state, batch_id)


def add_files(kb: KnowledgeBase, scope: Scope, store_id: str, wanted: Sequence[MemberBody]) -> str:
    """Make documents of files, in one batch; returns its id.

    Raises:
        UnsupportedField: a file is to be cut otherwise than the vector store.
        Others: what `attach` raises.
    """
    dataset = kb.database.reading(datasets.get, scope, store_id)
    strategies = [each.chunking_strategy for each in wanted if each.chunking_strategy]
    splits = {split for each in strategies if (split := each.split()) is not None}
    splits.discard(dataset.processing.split)
    if splits:
        if len(splits) > 1 or not scope.may("admin"):
            raise UnsupportedField(
                "`chunking_strategy` must be the vector store's own: all its files are cut alike."
            )
        processing = replace(dataset.processing, split=splits.pop())
        kb.database.writing(datasets.change, scope, store_id, processing=processing)
    attributes = {each.file_id: each.attributes for each in wanted}
    return attach(kb, scope, store_id, attributes)


def _one(tx: Transaction, scope: Scope, store_id: str, file_id: str) -> Object:
    split = datasets.get(tx, scope, store_id).processing.split
    return file_object(members.get(tx, scope, store_id, file_id), split)


def _page(
    tx: Transaction,
    scope: Scope,
    store_id: str,
    page: Paging,
    state: State | None,
    batch_id: str | None = None,
) -> Object:
    split = datasets.get(tx, scope, store_id).processing.split
    asked, newest_first = page.request, page.newest_first
    found = members.page(
        tx, scope, store_id, asked, newest_first=newest_first, state=state, batch_id=batch_id
    )
    return page.listed(found, lambda each: file_object(each, split))


def _batch(tx: Transaction, scope: Scope, store_id: str, batch_id: str) -> Object:
    row = batches.row_of(tx, scope, batch_id)
    if row.dataset_id != store_id:
        raise NotFound("batch", batch_id)
    return batch_object(tx, scope, store_id, batch_id, row.created_at)


def _chunks(tx: Transaction, scope: Scope, store_id: str, file_id: str) -> list[Chunk]:
    document = members.get(tx, scope, store_id, file_id)
    found: list[Chunk] = []
    cursor: str | None = None
    while True:
        part = chunks.of_document(tx, scope, document.id, PageRequest(MAX_LIMIT, cursor))
        found.extend(part.data)
        if (cursor := part.next) is None:
            return found
