"""`multipart/form-data`, read as it arrives. A part with a filename is a file, whatever the name of
its field; the others are short values.

Starlette's own parser keeps every file of a request open until the last one is there; this one
hands each file on as soon as it is whole, so that ten thousand cost no more than one.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.uploads.receiving import FileReceiver
from kb.errors import Rejected, TooLarge, UnsupportedMedia

M = TypeVar("M", bound=BaseModel)

BEGIN, DATA, END = "begin", "data", "end"

MAX_FIELD_BYTES = 256 * 1024

_OPEN_QUOTE = re.compile(rb'="(\\"|[^"])*$')
_DAMAGED = "The multipart body is damaged, or a name in it holds a raw line break. Send it again."


async def receive_files(
    receiver: FileReceiver, content_type: str, body: AsyncIterator[bytes]
) -> dict[str, bytes]:
    """Stage every file of a request body; returns the parts that are not files, by name.

    Raises:
        UnsupportedMedia: it is not multipart/form-data.
        Rejected: it is damaged or ends too early.
        TooLarge: there are too many files, or a part that is not a file is too long.
    """
    parts = _Parts(_boundary(content_type))
    async for piece in body:
        parts.feed(piece)
        while parts.events:
            kind, data = parts.events.popleft()
            if kind == DATA:
                await receiver.write(data)
            elif kind == BEGIN:
                receiver.begin(_file_name(data))
            else:
                await receiver.end()
    parts.finish()
    return parts.fields


def json_part(kind: type[M], fields: Mapping[str, bytes], name: str) -> M | None:
    """A part that is a JSON object; None where it is missing. Raises RequestValidationError."""
    if (field := fields.get(name)) is None:
        return None
    try:
        return kind.model_validate_json(field)
    except ValidationError as exc:
        found = exc.errors(include_url=False, include_input=False, include_context=False)
        raise RequestValidationError(
            [{**item, "loc": ("body", name, *item["loc"])} for item in found]
        ) from exc


class _Parts:
    """Turns pieces of a body into events of its files."""

    def __init__(self, boundary: bytes) -> None:
        self.events: deque[tuple[str, bytes]] = deque()
        self.fields: dict[str, bytes] = {}
        self._field = ""
        self._is_file = False
        self._is_whole = False
        self._header = b""
        self._value = b""
        self._disposition = b""
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_part_end": self._on_part_end,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as exc:
            raise Rejected(
                "The multipart boundary is not usable. Use up to 70 plain characters."
            ) from exc

    def feed(self, piece: bytes) -> None:
        """Parse the next bytes. Raises Rejected."""
        try:
            self._parser.write(piece)
        except FormParserError as exc:
            raise Rejected(_DAMAGED) from exc

    def finish(self) -> None:
        """The body is over. Raises Rejected when its last boundary is missing."""
        if not self._is_whole:
            raise Rejected("The multipart body ends too early; its last boundary is missing.")

    def _on_part_begin(self) -> None:
        self._is_file = False
        self._disposition = self._header = self._value = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _on_headers_finished(self) -> None:
        if _OPEN_QUOTE.search(self._disposition):  # the rest of the name became another header
            raise Rejected(_DAMAGED)
        _, options = parse_options_header(self._disposition)
        name = options.get(b"filename")
        self._is_file = name is not None
        if name is not None:
            self.events.append((BEGIN, name))
        else:
            self._field = options.get(b"name", b"").decode("utf-8", "replace")
            self.fields[self._field] = b""

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self.events.append((DATA, data[start:end]))
        else:
            self._add_to_field(data[start:end])

    def _add_to_field(self, data: bytes) -> None:
        if sum(map(len, self.fields.values())) + len(data) > MAX_FIELD_BYTES:
            raise TooLarge(f"The form fields are longer than {MAX_FIELD_BYTES} bytes together.")
        self.fields[self._field] += data

    def _on_part_end(self) -> None:
        if self._is_file:
            self.events.append((END, b""))

    def _on_end(self) -> None:
        self._is_whole = True


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    if kind != b"multipart/form-data":
        raise UnsupportedMedia(
            "Send files as multipart/form-data, or one file with PUT …/documents/by-name/{name}."
        )
    boundary = options.get(b"boundary")
    if not boundary:
        raise Rejected("The Content-Type names no multipart boundary.")
    return boundary


def _file_name(raw: bytes) -> str:
    # Browsers write a quotation mark as %22, and only that needs undoing: HTML, section 4.10.21.8.
    return raw.decode("utf-8", "replace").replace("%22", '"')
