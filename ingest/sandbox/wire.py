"""What a child and its parent say to each other: frames of JSON.

Every frame is small, so that unpacking one never holds up the other threads of the parent. A
document is frames of pages, blocks, removals and chunks, the last one with its `end` as well; a
small document is one frame. Never pickle: the child has parsed hostile bytes and is not trusted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from ingest.sandbox.processing import Processed
from ingest.types import Extraction
from kb.types import BlockKind, Chunk, Passage, Span

KINDS: tuple[BlockKind, ...] = get_args(BlockKind)
LONGEST_FRAME = 16 << 20
"""Bytes. One chunk with its passage is the most that a frame must hold."""
FRAME_CHARACTERS = 256 * 1024
"""Characters after which a frame ends: parsing so many takes about 2 ms."""
ENTRY_CHARACTERS = 32
"""What an entry counts beside its texts."""
LONGEST_DETAIL = 1000

OUT_OF_MEMORY = (
    "Reading and splitting the file took more memory than one file may. Split it into smaller "
    "files, or raise KB_INGEST__READ_MEMORY_BYTES."
)
CRASHED = "The reader of this file broke ({}). Save the file anew with another program and retry."


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def encode(message: object) -> bytes:
    """One frame."""
    return _JSON.encode(message).encode()


def encode_failure(reason: str, detail: str) -> bytes:
    """The last frame of an answer that says why there is no more."""
    return encode({"reason": reason, "detail": detail[:LONGEST_DETAIL]})


def encode_document(
    extraction: Extraction, processed: Processed | None = None, *, is_known: bool = False
) -> Iterator[bytes]:
    """A document as it was read, unless that `is_known`, and what has become of it."""
    frame: dict[str, Any] = {}
    size = 0
    for kind, entry in _entries(None if is_known else extraction, processed):
        frame.setdefault(kind, []).append(entry)
        size += ENTRY_CHARACTERS + sum(len(part) for part in entry if isinstance(part, str))
        if size >= FRAME_CHARACTERS:
            yield encode(frame)
            frame, size = {}, 0
    yield encode({**frame, "end": _end(extraction, processed)})


def _end(extraction: Extraction, processed: Processed | None) -> dict[str, Any]:
    end: dict[str, Any] = {
        "encoding": extraction.encoding,
        "encoding_confidence": extraction.encoding_confidence,
        "parser": extraction.parser,
        "warnings": extraction.warnings,
        "empty_pages": extraction.empty_pages,
    }
    if processed is not None:
        refusal = processed.refusal
        end |= {
            "receipt": processed.receipt,
            "removal_count": processed.removal_count,
            "refusal": None if refusal is None else [refusal.code, refusal.detail],
        }
    return end


def _entries(
    extraction: Extraction | None, processed: Processed | None
) -> Iterator[tuple[str, list[Any]]]:
    for page in extraction.pages if extraction else ():
        for start in range(0, max(1, len(page.text)), FRAME_CHARACTERS):
            yield "pages", [page.number, page.text[start : start + FRAME_CHARACTERS]]
    for b in extraction.blocks if extraction else ():
        yield "blocks", [b.page, b.start, b.end, KINDS.index(b.kind), b.level]
    for r in processed.removals if processed else ():
        yield "removals", [r.rule, r.page, r.start, r.end, r.instead]
    yield from (
        ("chunks", entry) for entry in _chunk_entries(processed.chunks if processed else ())
    )


def _chunk_entries(chunks: Iterable[Chunk]) -> Iterator[list[Any]]:
    """A passage stands with the first of its chunks, True with those that follow."""
    before: Passage | None = None
    for chunk in chunks:
        parent: object = None
        if chunk.parent is not None:
            is_same = chunk.parent is before
            parent = is_same or [_extents(chunk.parent.spans), chunk.parent.index_text]
        before = chunk.parent
        yield [_extents(chunk.spans), chunk.heading, chunk.index_text, parent]


def _extents(spans: Iterable[Span]) -> list[list[int]]:
    return [[span.page, span.start, span.end] for span in spans]
