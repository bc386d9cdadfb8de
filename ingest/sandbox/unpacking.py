"""Frames put together to a document. The child that sent them is not trusted: every span, name and
length is checked, and what follows from them (texts of chunks, ids) is made here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast, get_args

from ingest.sandbox.processing import Processed
from ingest.sandbox.wire import KINDS, LONGEST_DETAIL, OUT_OF_MEMORY
from ingest.types import Extraction, Removal
from kb.errors import UnreadableFile, UnreadableReason
from kb.types import Block, Chunk, Page, Passage, Span

ENTRY_BYTES = 500
"""Memory of a chunk or a block beside its texts: 430 and 150 bytes (`sys.getsizeof`, with its
spans)."""


class Unpacking:
    """Puts a document together from its frames, and checks each."""

    def __init__(
        self,
        *,
        most_characters: int,
        most_bytes: int,
        extraction: Extraction | None = None,
        chunk_prefix: str = "",
        document_id: str = "",
    ) -> None:
        """
        Args:
            most_characters: of all pages together.
            most_bytes: memory that what is unpacked may take, by and large.
            extraction: what is known already, so that the frames bring chunks only.
            chunk_prefix: of the ids of chunks; `document_id` is that of their document.
        """
        self._characters_left = most_characters
        self._bytes_left = most_bytes
        self._prefix = chunk_prefix
        self._document_id = document_id
        self._known = extraction
        self._parts: dict[int, list[str]] = {}
        self._texts = {} if extraction is None else {p.number: p.text for p in extraction.pages}
        self._blocks: list[Block] = []
        self._removals: list[Removal] = []
        self._chunks: list[Chunk] = []
        self._end: dict[str, Any] | None = None
        self._take: dict[str, Callable[[list[Any]], None]] = {
            "pages": self._take_page,
            "blocks": self._take_block,
            "removals": self._take_removal,
            "chunks": self._take_chunk,
        }

    def take(self, frame: bytes) -> bool:
        """Take in a frame; whether it was the last.

        Raises:
            UnreadableFile: the child says why it gave up.
            ValueError, TypeError, KeyError, IndexError: it breaks the contract.
        """
        self._charge(len(frame))
        message = _parsed(frame)
        if "reason" in message:
            raise _failure(message["reason"], message["detail"])
        end = message.pop("end", None)
        for kind, entries in message.items():
            self._charge(len(entries) * ENTRY_BYTES)
            if kind != "pages":
                self._join_pages()
            for entry in entries:
                self._take[kind](entry)
        self._end = None if end is None else dict(end)
        return end is not None

    def extraction(self) -> Extraction:
        """Pages and blocks, when the last frame was taken."""
        if self._known is not None:
            return self._known
        self._join_pages()
        end = self._end or {}
        confidence = end["encoding_confidence"]
        return Extraction(
            pages=tuple(Page(number, text) for number, text in self._texts.items()),
            blocks=tuple(self._blocks),
            encoding=None if end["encoding"] is None else _text(end["encoding"]),
            encoding_confidence=None if confidence is None else float(confidence),
            parser=_text(end["parser"]),
            warnings=tuple(_text(warning) for warning in end["warnings"]),
            empty_pages=tuple(_whole(number) for number in end["empty_pages"]),
        )

    def processed(self) -> Processed:
        """Everything, when the last frame was taken."""
        end = self._end or {}
        refusal = end["refusal"]
        return Processed(
            extraction=self.extraction(),
            removals=tuple(self._removals),
            removal_count=_whole(end["removal_count"]),
            chunks=tuple(self._chunks),
            receipt=dict(end["receipt"]),
            refusal=None if refusal is None else _failure(*refusal),
        )

    def _charge(self, size_bytes: int) -> None:
        self._bytes_left -= size_bytes
        if self._bytes_left < 0:
            raise UnreadableFile(OUT_OF_MEMORY, reason="read_memory")

    def _take_page(self, entry: list[Any]) -> None:
        number, text = _whole(entry[0]), _text(entry[1])
        self._characters_left -= len(text)
        if self._characters_left < 0 or number in self._texts:
            raise ValueError("Pages repeat, or there is more text than was allowed.")
        if number not in self._parts:
            self._join_pages()
        self._parts.setdefault(number, []).append(text)

    def _join_pages(self) -> None:
        self._texts.update((number, "".join(parts)) for number, parts in self._parts.items())
        self._parts.clear()

    def _take_block(self, entry: list[Any]) -> None:
        page, start, end, kind, level = map(_whole, entry)
        self._blocks.append(Block(*self._extent(page, start, end), KINDS[kind], level))

    def _take_removal(self, entry: list[Any]) -> None:
        rule, page, start, end, instead = entry
        extent = self._extent(page, start, end)
        self._removals.append(Removal(_text(rule), *extent, _text(instead)))

    def _take_chunk(self, entry: list[Any]) -> None:
        extents, heading, index_text, above = entry
        spans, index = self._spans(extents), len(self._chunks)
        parent = None
        if above is True:
            parent = self._chunks[-1].parent
        elif above is not None:
            own = self._spans(above[0])
            parent = Passage(own, self._text_of(own), _text(above[1]))
        texts = (self._text_of(spans), _text(heading), _text(index_text))
        identity = (f"{self._prefix}.{index}", self._document_id, index)
        self._chunks.append(Chunk(*identity, spans, *texts, parent))

    def _spans(self, extents: Sequence[list[int]]) -> tuple[Span, ...]:
        return tuple(Span(*self._extent(*extent)) for extent in extents)

    def _extent(self, page: int, start: int, end: int) -> tuple[int, int, int]:
        if not _whole(start) <= _whole(end) <= len(self._texts[page]):
            raise ValueError(f"Characters {start} to {end} are not on page {page}.")
        return page, start, end

    def _text_of(self, spans: Iterable[Span]) -> str:
        text = "".join(self._texts[span.page][span.start : span.end] for span in spans)
        self._charge(len(text))
        return text


def _parsed(frame: bytes) -> dict[str, Any]:
    try:
        message = json.loads(frame)
    except RecursionError as exc:
        raise ValueError("The answer is nested too deeply.") from exc
    if not isinstance(message, dict):
        raise TypeError("Not an object.")
    return message


def _failure(reason: object, detail: object) -> UnreadableFile:
    reason, detail = _text(reason), _text(detail)
    if reason not in get_args(UnreadableReason) or len(detail) > LONGEST_DETAIL:
        raise ValueError("Not a reason of ours.")
    return UnreadableFile(detail, reason=cast(UnreadableReason, reason))


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
