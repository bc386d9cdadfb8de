"""Reads server-sent events from bytes.

Lines end at CR, LF or CRLF and nowhere else. `httpx.iter_lines` and `str.splitlines` also end
them at U+2028, U+0085, VT and FF, which stand in tokens: such a stream loses text.

Source: WHATWG HTML, "Server-sent events", 9.2.6 (interpreting an event stream).
"""

from __future__ import annotations


class EventDecoder:
    """Turns blocks of bytes, cut anywhere, into the data of whole events. It holds what has no end
    yet: the caller limits that."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._after_cr = False
        self._data: list[bytes] = []

    def feed(self, block: bytes) -> list[bytes]:
        """The data of every event that this block completes; comments and other fields are
        dropped."""
        if self._after_cr and block:
            # The CR ended its line already; its LF is not an empty line.
            block = block.removeprefix(b"\n")
            self._after_cr = False
        self._rest += block
        if b"\n" not in block and b"\r" not in block:
            return []  # a long line is looked through once, however many blocks bring it
        self._after_cr = block.endswith(b"\r")
        lines = bytes(self._rest).splitlines()  # of bytes: CR, LF and CRLF only
        self._rest = bytearray() if block.endswith((b"\r", b"\n")) else bytearray(lines.pop())
        return self._events(lines)

    def finish(self) -> list[bytes]:
        """The data of an event whose closing blank line the server left out."""
        return self._events([bytes(self._rest), b""])

    def _events(self, lines: list[bytes]) -> list[bytes]:
        events = []
        for line in lines:
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
            elif not line and self._data:
                events.append(b"\n".join(self._data))
                self._data = []
        return events
