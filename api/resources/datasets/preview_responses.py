"""A preview as JSON: what cleaning takes out, and the chunks that are left."""

from __future__ import annotations

from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from api.resources import encoders
from api.resources.datasets.processing import ProcessingBody
from ingest.types import Removal
from ingest.work.preview import Preview
from kb.types import Chunk

Json = dict[str, Any]


def parsed_processing(field: bytes | None) -> ProcessingBody | None:
    """The form field `processing`, a JSON object; None if it was not sent.

    Raises:
        RequestValidationError: it is not one, or something in it is unknown.
    """
    if field is None:
        return None
    try:
        return ProcessingBody.model_validate_json(field)
    except ValidationError as exc:
        found = exc.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError(
            [{**item, "loc": ("body", "processing", *item["loc"])} for item in found]
        ) from exc


def encoded(value: Preview, limit: int) -> Json:
    """A preview with at most `limit` removals and `limit` chunks; the counts are of all."""
    processed = value.processed
    texts = {page.number: page.text for page in value.extraction.pages}
    refusal = processed.refusal
    return {
        "name": value.name,
        "media_type": value.media_type,
        "error": refusal and {"code": refusal.code, "detail": refusal.detail},
        "receipt": value.processed.receipt,
        "removed_count": len(processed.removals),
        "removed": [_removal(item, texts) for item in processed.removals[:limit]],
        "chunk_count": len(processed.chunks),
        "chunks": [
            _chunk(chunk, tokens)
            for chunk, tokens in zip(processed.chunks[:limit], value.tokens, strict=False)
        ],
    }


def _removal(value: Removal, texts: dict[int, str]) -> Json:
    return {
        "rule": value.rule,
        "page": value.page,
        "start": value.start,
        "end": value.end,
        "text": texts[value.page][value.start : value.end],
    }


def _chunk(value: Chunk, tokens: int) -> Json:
    shown = encoders.chunk(value)
    del shown["id"]
    return {**shown, "tokens": tokens}
