"""Reads server-sent events from bytes.

Lines end at CR, LF or CRLF and nowhere else. `httpx.iter_lines` and `str.splitlines` also end
them at U+2028, U+0085, VT and FF, which stand in tokens: such a stream loses text.

Source: WHATWG HTML, "Server-sent events", 9.2.6 (interpreting an event stream).
"""

from __future__ import annotations

MAX_LINE_BYTES = 4 * 1024 * 1024


class LineTooLong(ValueError):
    """A server sends on and on without ending a line."""


class EventDecoder:
    """Turns blocks of bytes, cut anywhere, into the data of whole events."""

    def __init__(self) -> None:
        self._rest = b""
        self._after_cr = False
        self._data: list[bytes] = []

    def feed(self, block: bytes) -> list[bytes]:
        """The data of every event that this block completes; comments and other fields are dropped.

        Raises:
            LineTooLong: a line is longer than 4 MiB.
        """
        if self._after_cr and block:
            # The CR ended its line already; its LF is not an empty line.
            block = block.removeprefix(b"\n")
            self._after_cr = False
        text = self._rest + block
        if len(text) > MAX_LINE_BYTES and b"\n" not in text and b"\r" not in text:
            raise LineTooLong
        self._after_cr = self._after_cr or text.endswith(b"\r")
        lines = text.splitlines()  # of bytes: CR, LF and CRLF only
        self._rest = lines.pop() if lines and not text.endswith((b"\r", b"\n")) else b""
        return self._events(lines)

    def finish(self) -> list[bytes]:
        """The data of an event whose closing blank line the server left out."""
        lines, self._rest = [self._rest, b""], b""
        return self._events(lines)

    def _events(self, lines: list[bytes]) -> list[bytes]:
        events = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                events.append(b"\n".join(self._data))
                self._data = []
        return events
