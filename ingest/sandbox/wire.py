"""What goes over the pipe between a reader process and its parent: length-prefixed JSON frames.

Never pickle: the child has parsed hostile bytes and is not trusted, so the parent checks every
span, name and length that it sends.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import BinaryIO, cast, get_args

from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile, UnreadableReason
from kb.types import Block, BlockKind, Page

LENGTH = struct.Struct(">Q")
KINDS: tuple[BlockKind, ...] = get_args(BlockKind)

_LONGEST_DETAIL = 1000

OUT_OF_MEMORY = (
    "Reading the file took more memory than one file may. Split it into smaller files, or raise "
    "KB_INGEST__READ_MEMORY_BYTES."
)
CRASHED = "The reader of this file broke ({}). Save the file anew with another program and retry."


def read_frame(source: BinaryIO) -> bytes | None:
    """The next frame, or None at the end of the stream (also in the middle of a frame)."""
    head = _read_exactly(source, LENGTH.size)
    return None if head is None else _read_exactly(source, LENGTH.unpack(head)[0])


def write_frame(sink: BinaryIO, payload: bytes) -> None:
    """Send one frame over an unbuffered stream."""
    for part in (LENGTH.pack(len(payload)), payload):
        view = memoryview(part)
        while view:
            view = view[sink.write(view) :]


def encode_request(path: str, media_type: str, options: ReadOptions, timeout_s: float) -> bytes:
    """What the parent asks for."""
    return json.dumps(
        {
            "path": path,
            "media_type": media_type,
            "encoding": options.encoding,
            "max_characters": options.max_characters,
            "ocr_languages": options.ocr_languages,
            "timeout_s": timeout_s,
        }
    ).encode()


def encode_extraction(extraction: Extraction) -> bytes:
    """An answer that carries text."""
    return json.dumps(
        {
            "pages": [[page.number, page.text] for page in extraction.pages],
            "blocks": [
                [block.page, block.start, block.end, KINDS.index(block.kind), block.level]
                for block in extraction.blocks
            ],
            "encoding": extraction.encoding,
            "encoding_confidence": extraction.encoding_confidence,
            "parser": extraction.parser,
            "warnings": extraction.warnings,
            "empty_pages": extraction.empty_pages,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def encode_failure(reason: str, detail: str) -> bytes:
    """An answer that says why there is no text."""
    return json.dumps({"reason": reason, "detail": detail}).encode()


def decode_answer(payload: bytes, max_characters: int) -> Extraction:
    """The extraction that a child sent, checked.

    Raises:
        UnreadableFile: the child says why it gave up.
        ValueError, TypeError, KeyError: the answer breaks the contract.
    """
    try:
        answer = json.loads(payload)
    except RecursionError as exc:
        raise ValueError("The answer is nested too deeply.") from exc
    if "reason" in answer:
        raise _failure(_text(answer["reason"]), _text(answer["detail"]))
    pages = tuple(Page(_whole(number), _text(text)) for number, text in answer["pages"])
    lengths = {page.number: len(page.text) for page in pages}
    if len(lengths) != len(pages) or sum(lengths.values()) > max_characters:
        raise ValueError("Page numbers repeat, or there is more text than was allowed.")
    confidence = answer["encoding_confidence"]
    return Extraction(
        pages=pages,
        blocks=tuple(_block(entry, lengths) for entry in answer["blocks"]),
        encoding=None if answer["encoding"] is None else _text(answer["encoding"]),
        encoding_confidence=None if confidence is None else float(confidence),
        parser=_text(answer["parser"]),
        warnings=tuple(_text(warning) for warning in answer["warnings"]),
        empty_pages=tuple(_whole(number) for number in answer["empty_pages"]),
    )


def _failure(reason: str, detail: str) -> UnreadableFile:
    if reason not in get_args(UnreadableReason) or len(detail) > _LONGEST_DETAIL:
        raise ValueError("Not a reason of ours.")
    return UnreadableFile(detail, reason=cast(UnreadableReason, reason))


def _block(entry: list[int], lengths: Mapping[int, int]) -> Block:
    page, start, end, kind, level = (_whole(value) for value in entry)
    if not start <= end <= lengths[page]:
        raise ValueError(f"Block {start} to {end} is not on page {page}.")
    return Block(page, start, end, KINDS[kind], level)


def _whole(value: object) -> int:
    if type(value) is not int or value < 0:
        raise TypeError("Not a whole number.")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or (not value.isprintable() and not _is_clean(value)):
        raise TypeError("Not a clean text.")
    return value


def _is_clean(text: str) -> bool:
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate, which JSON can spell
        return False
    return True


def _read_exactly(source: BinaryIO, size: int) -> bytes | None:
    parts = []
    while size:
        part = source.read(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
