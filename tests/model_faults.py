"""What a language model server does wrong on purpose, byte by byte: see
`tests/faulty_model_server.py`, which plays it over real sockets."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Any

TOKENS = {"before": 0, "at": 1, "after": 3}
TEXT = ("One ", "two ", "three ", "four.")
DRIP_S = 0.15
LINE_BYTES = 50 * 1024 * 1024
METADATA_ADDRESS = "http://169.254.169.254/latest/meta-data"

STATUSES = {
    "401": 401,
    "403": 403,
    "404": 404,
    "408": 408,
    "429": 429,
    "429 for ever": 429,
    "500": 500,
    "502": 502,
    "503": 503,
    "redirect": 307,
    "redirect to a file": 302,
    "400 with an echo": 400,
}
HEADERS = {
    "429": "retry-after: 0.05\r\n",
    "429 for ever": "retry-after: 99999999\r\n",
    "redirect": f"location: {METADATA_ADDRESS}\r\n",
    "redirect to a file": "location: file:///etc/passwd\r\n",
}


class Wire:
    """One request of the client, and the raw bytes of the answer to it."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str, body: bytes
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.request = f"{head}{body.decode()}"
        self.body: dict[str, Any] = json.loads(body)
        self.fault, _, self.position = self.body["messages"][-1]["content"].partition("/")
        self._waiting = b""

    @property
    def tokens(self) -> int:
        return TOKENS[self.position]

    async def send(self, data: bytes) -> None:
        self.writer.write(self._waiting + data)
        self._waiting = b""
        await self.writer.drain()

    def head(self, content_type: str = "text/event-stream", extra: str = "") -> bytes:
        status = "HTTP/1.1 200 OK\r\nconnection: close\r\n"
        return f"{status}content-type: {content_type}\r\n{extra}\r\n".encode()

    async def begin(self, **head: str) -> None:
        """Head and tokens; the single token of "at" waits to go out with the fault itself."""
        sent = self.head(**head)
        for text in TEXT[: self.tokens]:
            sent += chunk(text)
        if self.position == "at":
            self._waiting = sent
            return
        await self.send(sent)
        await asyncio.sleep(0.02)

    async def rest(self) -> None:
        """What a whole answer still lacks."""
        tokens = b"".join(chunk(text) for text in TEXT[self.tokens :])
        await self.send(tokens + END + DONE)

    async def until_left(self) -> None:
        """Silence until the client hangs up."""
        await self.send(b"")
        await self.reader.read()


def event(data: dict[str, Any] | str, end: str = "\n") -> bytes:
    text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
    return f"data: {text}{end}{end}".encode("utf-8", "surrogatepass")


def chunk(text: Any, end: str = "\n") -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": text}}]}, end)


END = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
DONE = event("[DONE]")


async def whole(wire: Wire) -> None:
    """An answer without a fault."""
    await wire.begin()
    await wire.rest()


async def _status(wire: Wire) -> None:
    status = STATUSES[wire.fault]
    echo = {"error": {"message": f"bad request: {wire.request}", "code": status}}
    if wire.tokens:
        await wire.begin()
        return await wire.send(event(echo))
    payload = json.dumps(echo).encode()
    kind = "text/html" if status == 502 else "application/json"
    said = f"HTTP/1.1 {status} Fault\r\nconnection: close\r\ncontent-type: {kind}\r\n"
    said += f"{HEADERS.get(wire.fault, '')}content-length: {len(payload)}\r\n\r\n"
    await wire.send(said.encode() + payload)


async def _closes(wire: Wire) -> None:
    await wire.begin(extra="content-length: 100000\r\n")
    await wire.send(b"")


async def _stops_sending(wire: Wire) -> None:
    await wire.begin()
    await wire.send(b"data: {")
    wire.writer.write_eof()
    await wire.reader.read()


async def _tls_alert(wire: Wire) -> None:
    await wire.begin()
    await wire.send(b"\x15\x03\x03\x00\x02\x02\x28")


async def _silence(wire: Wire) -> None:
    if wire.tokens:
        await wire.begin()
    await wire.until_left()


async def _comments(wire: Wire) -> None:
    await wire.begin()
    while not wire.reader.at_eof():
        await wire.send(b": still there\n\n")
        await asyncio.sleep(DRIP_S)


async def _drip(wire: Wire) -> None:
    await wire.begin()
    for byte in chunk(TEXT[-1]) * 100:
        await wire.send(bytes([byte]))
        await asyncio.sleep(DRIP_S)
        if wire.reader.at_eof():
            return


async def _cut(wire: Wire) -> None:
    await wire.begin()
    await wire.send(chunk("never whole")[:-9])


async def _reset(wire: Wire) -> None:
    await wire.begin()
    await wire.send(b"data: {")
    raw = wire.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.writer.transport.abort()


async def _no_done(wire: Wire) -> None:
    await wire.begin()
    await wire.send(END if wire.tokens else b"")


async def _double_done(wire: Wire) -> None:
    await wire.begin()
    await wire.send((END if wire.tokens else b"") + DONE + DONE)


async def _error_object(wire: Wire) -> None:
    await wire.begin()
    await wire.send(event({"error": {"message": f"failed on {wire.request}", "type": "server"}}))
    await wire.until_left()


async def _html(wire: Wire) -> None:
    await wire.begin(content_type="text/event-stream" if wire.tokens else "text/html")
    await wire.send(f"<html>\n<body>\n{wire.request}\n\n</body></html>\n".encode())


async def _garbage(wire: Wire) -> None:
    await wire.begin()
    await wire.send(b"data: {'choices': oops \xff\xfe\n\ndata\n\n\x00\x01\n\n")
    await wire.until_left()


async def _endless_line(wire: Wire) -> None:
    await wire.begin()
    await wire.send(b'data: {"choices": [{"delta": {"content": "')
    for _ in range(LINE_BYTES // 2**18):
        await wire.send(b"a" * 2**18)


async def _endless(wire: Wire, part: bytes) -> None:
    """The same over and over, as fast as it is read."""
    await wire.begin()
    while not wire.reader.at_eof():
        await wire.send(part)


async def _endless_event(wire: Wire) -> None:
    await _endless(wire, b"data: " + b"a" * 2**16 + b"\n")


async def _endless_blank_lines(wire: Wire) -> None:
    await _endless(wire, b"\n" * 2**12)


async def _endless_thoughts(wire: Wire) -> None:
    await _endless(wire, event({"choices": [{"delta": {"reasoning": "hm " * 2**18}}]}))


async def _header_bomb(wire: Wire) -> None:
    """Header lines without end; once the body has begun, the lines after it."""
    if wire.tokens:
        await wire.begin(extra="transfer-encoding: chunked\r\n")
        await wire.send(b"0\r\n")
    else:
        await wire.send(b"HTTP/1.1 200 OK\r\n")
    while not wire.reader.at_eof():
        await wire.send(b"x-padding: " + b"a" * 2**10 + b"\r\n")


async def _endless_continue(wire: Wire) -> None:
    if wire.tokens:
        await wire.begin()
    while not wire.reader.at_eof():
        await wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await asyncio.sleep(DRIP_S)


async def _cr_only(wire: Wire) -> None:
    await wire.begin()
    tokens = b"".join(chunk(text, "\r") for text in TEXT[wire.tokens :])
    await wire.send(b": hello\r\r" + tokens + END.replace(b"\n", b"\r"))


def _odd(text: str, *, blocks: int = 1) -> Callable[[Wire], Awaitable[None]]:
    """Puts one odd chunk among the others, sent as it is or byte by byte."""

    async def play(wire: Wire) -> None:
        await wire.begin()
        data = event(text)
        size = -(-len(data) // blocks)
        for start in range(0, len(data), size):
            await wire.send(data[start : start + size])
            await asyncio.sleep(0)
        await wire.rest()

    return play


async def _tool_call(wire: Wire) -> None:
    await wire.begin()
    call = {"index": 0, "function": {"name": "search", "arguments": "{}"}}
    await wire.send(event({"choices": [{"delta": {"content": None, "tool_calls": [call]}}]}))
    await wire.send(event({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}) + DONE)


async def _wrong_type(wire: Wire) -> None:
    kinds = {"before": "application/json", "at": "text/plain", "after": "application/octet-stream"}
    await wire.begin(content_type=kinds[wire.position])
    await wire.rest()


async def _short_length(wire: Wire) -> None:
    length = sum(len(chunk(text)) for text in TEXT[: wire.tokens]) + 10
    await wire.begin(extra=f"content-length: {length}\r\n")
    await wire.rest()


async def _gzip_bomb(wire: Wire) -> None:
    tokens = b"".join(chunk(text) for text in TEXT[: wire.tokens])
    bomb = gzip.compress(tokens + b"data: " + b"a" * 2**26)
    await wire.send(wire.head(extra="content-encoding: gzip\r\n") + bomb)


FAULTS: dict[str, Callable[[Wire], Awaitable[None]]] = {
    **dict.fromkeys(STATUSES, _status),
    "refused": _closes,
    "unknown-host": _stops_sending,
    "no-tls": _tls_alert,
    "silence": _silence,
    "headers, then silence": _comments,
    "drip": _drip,
    "cut": _cut,
    "reset": _reset,
    "no [DONE]": _no_done,
    "two [DONE]": _double_done,
    "error object": _error_object,
    "html": _html,
    "garbage": _garbage,
    "endless line": _endless_line,
    "endless event": _endless_event,
    "endless blank lines": _endless_blank_lines,
    "endless thoughts": _endless_thoughts,
    "endless continue": _endless_continue,
    "header bomb": _header_bomb,
    "deep JSON": _odd('{"choices": ' + "[" * 100_000 + "]" * 100_000 + "}"),
    "NaN": _odd('{"choices": [{"delta": {"content": NaN}}]}'),
    "number for text": _odd('{"choices": [{"delta": {"content": 5}}]}'),
    "list for a chunk": _odd('["choices"]'),
    "million choices": _odd(json.dumps({"choices": [{"delta": {"content": "m "}}] * 100_000})),
    "huge tool call": _odd(
        json.dumps({"choices": [{"delta": {"tool_calls": [{"function": "f" * 3_000_000}]}}]})
    ),
    "odd usage": _odd(
        f'{{"choices": [], "usage": {{"prompt_tokens": {10**40}, "completion_tokens": 1e999}}}}'
    ),
    "negative usage": _odd('{"choices": [], "usage": {"prompt_tokens": -7}}'),
    "CR only": _cr_only,
    "U+2028": _odd('{"choices": [{"delta": {"content": "a\u2028b\u0085c\\r\\nd"}}]}'),
    "split UTF-8": _odd('{"choices": [{"delta": {"content": "月亮🌕"}}]}', blocks=99),
    "lone surrogate": _odd('{"choices": [{"delta": {"content": "x\\ud83dy"}}]}'),
    "empty choices": _odd('{"choices": [], "usage": {"prompt_tokens": 7}}'),
    "null content": _odd('{"choices": [{"delta": {"role": "assistant", "content": null}}]}'),
    "the same twice": _odd('{"choices": [{"delta": {"content": "twice "}}]}\n\ndata: '
                           '{"choices": [{"delta": {"content": "twice "}}]}'),
    "tool call": _tool_call,
    "wrong type": _wrong_type,
    "short length": _short_length,
    "gzip bomb": _gzip_bomb,
}  # fmt: skip
