"""Previews: what cleaning and splitting would do to a file. Nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Self

from fastapi import APIRouter, Query
from starlette.requests import Request

from api.deps import KB, IngestScope, Readers
from api.resources.datasets.processing import ProcessingBody
from api.resources.datasets.responses import ChunkBody
from api.resources.response import BINARY, Response, takes
from api.threads import in_thread, previewing, read
from api.uploads.multipart import json_part, receive_files
from api.uploads.receiving import only_file, receiving_files
from ingest.sandbox.reader_process import ReaderPool
from ingest.work.preview import Preview, preview
from kb.knowledge_base import KnowledgeBase
from kb.store.content import datasets
from kb.types import Failure, Processing

router = APIRouter(prefix="/v1", tags=["documents"])

Limit = Annotated[int, Query(ge=1, le=10_000)]

Encoding = Annotated[str | None, Query(max_length=40)]

_FIELDS = {
    "file": BINARY,
    "processing": {"type": "string", "description": "JSON, as of a dataset"},
}
_FORM = takes(
    "multipart/form-data", {"type": "object", "properties": _FIELDS, "required": ["file"]}
)


class PreviewedChunk(ChunkBody):
    """A chunk that a preview would store."""

    tokens: int = 0


class RemovalResponse(Response):
    """Characters of a page that a cleaning rule takes out."""

    rule: str
    page: int
    start: int
    end: int
    text: str


class PreviewResponse(Response):
    """What cleaning takes out of a file, and the chunks that are left; nothing is stored."""

    name: str
    media_type: str
    error: Failure | None
    receipt: Mapping[str, Any]
    removed_count: int
    removed: tuple[RemovalResponse, ...]
    chunk_count: int
    chunks: tuple[PreviewedChunk, ...]

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """The first removals and chunks; the counts are of all."""
        processed, refusal = preview.processed, preview.processed.refusal
        texts = {page.number: page.text for page in processed.extraction.pages}
        return cls(
            name=preview.name,
            media_type=preview.media_type,
            error=None if refusal is None else Failure(refusal.code, refusal.detail),
            receipt=processed.receipt,
            removed_count=processed.removal_count,
            removed=tuple(
                RemovalResponse(**asdict(item), text=texts[item.page][item.start : item.end])
                for item in processed.removals
            ),
            chunk_count=processed.receipt["chunks"],
            chunks=tuple(
                PreviewedChunk.model_validate(chunk).model_copy(update={"tokens": tokens})
                for chunk, tokens in zip(processed.chunks, preview.tokens, strict=True)
            ),
        )


@router.post("/datasets/{dataset_id}/preview", openapi_extra=_FORM)
async def preview_in_dataset(
    dataset_id: str,
    request: Request,
    kb: KB,
    readers: Readers,
    scope: IngestScope,
    limit: Limit = 500,
    encoding: Encoding = None,
) -> PreviewResponse:
    """What an upload of one file into a dataset would do; `processing` tries other rules."""
    found = await read(kb, datasets.get, scope, dataset_id)
    kb.embedder_of(found)
    return await _previewed(request, kb, readers, found.processing, limit, encoding)


@router.post("/preview", openapi_extra=_FORM)
async def preview_alone(
    request: Request,
    kb: KB,
    readers: Readers,
    scope: IngestScope,
    limit: Limit = 500,
    encoding: Encoding = None,
) -> PreviewResponse:
    """What an upload of one file into a new dataset would do."""
    return await _previewed(request, kb, readers, Processing(), limit, encoding)


async def _previewed(
    request: Request,
    kb: KnowledgeBase,
    readers: ReaderPool,
    processing: Processing,
    limit: int,
    encoding: str | None,
) -> PreviewResponse:
    async with receiving_files(kb) as receiver:
        fields = await receive_files(
            receiver, request.headers.get("content-type", ""), request.stream()
        )
        staged = only_file(receiver)
        body = json_part(ProcessingBody, fields, "processing")
        if body is not None:
            await body.check(readers)
            processing = body.to_processing()
        shown = await previewing(
            preview, kb, readers, staged, processing, limit=limit, encoding=encoding
        )
        return await in_thread(PreviewResponse.of, shown)
