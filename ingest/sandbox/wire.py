"""What goes over the pipes between a child and its parent: length-prefixed frames of JSON.

Every frame is small, so that unpacking one never holds up the other threads of the parent. A
document is frames of pages, blocks, removals and chunks, and at last one with its `end`.
Never pickle: the child has parsed hostile bytes and is not trusted.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO, get_args

from ingest.sandbox.processing import Processed
from ingest.types import Extraction
from kb.types import BlockKind, Chunk, Page, Passage, Span

LENGTH = struct.Struct(">Q")
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


def read_frame(source: BinaryIO) -> bytes | None:
    """The next frame, or None at the end of the stream (also in the middle of a frame)."""
    head = _read_exactly(source, LENGTH.size)
    return None if head is None else _read_exactly(source, LENGTH.unpack(head)[0])


def write_frames(sink: BinaryIO, frames: Iterable[bytes]) -> None:
    """Send frames over an unbuffered stream, those of a small document at once."""
    waiting = bytearray()
    for frame in frames:
        waiting += LENGTH.pack(len(frame)) + frame
        if len(waiting) >= FRAME_CHARACTERS:
            _write(sink, waiting)
            waiting = bytearray()
    _write(sink, waiting)


def _write(sink: BinaryIO, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[sink.write(view) :]


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def encode(message: object) -> bytes:
    """One frame."""
    return _JSON.encode(message).encode()


def encode_failure(reason: str, detail: str) -> bytes:
    """The last frame of an answer that says why there is no more."""
    return encode({"reason": reason, "detail": detail[:LONGEST_DETAIL]})


def encode_extraction(extraction: Extraction) -> Iterator[bytes]:
    """Pages and blocks; no `end`."""
    yield from _frames("pages", (piece for page in extraction.pages for piece in _pieces(page)))
    yield from _frames(
        "blocks",
        ([b.page, b.start, b.end, KINDS.index(b.kind), b.level] for b in extraction.blocks),
    )


def encode_end(extraction: Extraction, processed: Processed | None = None) -> bytes:
    """The last frame of a document."""
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
    return encode({"end": end})


def encode_processed(processed: Processed) -> Iterator[bytes]:
    """Removals and chunks; no `end`."""
    yield from _frames(
        "removals", ([r.rule, r.page, r.start, r.end, r.instead] for r in processed.removals)
    )
    yield from _frames("chunks", _chunk_entries(processed.chunks))


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


def _pieces(page: Page) -> Iterator[list[Any]]:
    for start in range(0, max(1, len(page.text)), FRAME_CHARACTERS):
        yield [page.number, page.text[start : start + FRAME_CHARACTERS]]


def _frames(kind: str, entries: Iterable[list[Any]]) -> Iterator[bytes]:
    batch, size = [], 0
    for entry in entries:
        batch.append(entry)
        size += ENTRY_CHARACTERS + sum(len(part) for part in entry if isinstance(part, str))
        if size >= FRAME_CHARACTERS:
            yield encode({kind: batch})
            batch, size = [], 0
    if batch:
        yield encode({kind: batch})


def _read_exactly(source: BinaryIO, size: int) -> bytes | None:
    parts = []
    while size:
        part = source.read(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
