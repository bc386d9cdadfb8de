"""A language model server that needs no model: try the product with it, and test against it.

OpenAI-compatible (`/v1/chat/completions`, `/v1/completions`, `/v1/models`). The model name in the
request picks the behaviour, so one server plays every part: what it says is in
`kb/models/fake/scripts.py`, and beside that there are

    fail:CODE[:s]     that HTTP status, with the request echoed in the body as bad servers do;
                      `s` is sent as its Retry-After
    one               like echo, but one answer where several are asked for
    flaky:N           HTTP 503 to the first N requests, then like echo
    stall             headers, then silence until the client leaves
    cut[:text]        three tokens (or that text), then the connection breaks
    error-mid-stream  three tokens, then an error object that echoes the request

From the shell: `python -m kb.models.fake.server --port 9000`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from kb.models.fake.scripts import Script, script_of, usage_of

MODELS = (
    "echo",
    "cite",
    "reveal",
    "numbers:100",
    "slow:50",
    "fail:500",
    "fail:429",
    "stall",
    "cut",
)
LISTED = [{"id": name} for name in MODELS]
BREAKS_AFTER = 3
_STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"


class FakeModelServer:
    """An async context manager that listens while it is open.

    Args:
        recordings: a folder of bodies: `NAME.sse` is what the model NAME answers, byte for byte.
        key: the only one that is accepted; without it, any is.
        models: what it lists, as a server would.

    Attributes:
        base_url: ends in `/v1`.
        requests: the JSON bodies received, oldest first.
        heads: the request lines and headers received.
        abandoned: streams that the client left before their end.
        connections: connections accepted.
        open_connections: those that are open now.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        recordings: Path | None = None,
        key: str = "",
        models: Sequence[dict[str, Any]] = LISTED,
    ) -> None:
        self._host = host
        self._port = port
        self._recordings = recordings
        self._key = key
        self._models = models
        self.heads: list[str] = []
        self.open_connections: set[Any] = set()
        self._meetings: dict[int, asyncio.Barrier] = {}
        self.requests: list[dict[str, Any]] = []
        self.abandoned = 0
        self.connections = 0
        self.base_url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self._host, self._port)
        port = self._server.sockets[0].getsockname()[1]
        self.base_url = f"http://{self._host}:{port}/v1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for connection in self.open_connections:
            connection.cancel()
        await asyncio.gather(*self.open_connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open_connections.add(asyncio.current_task())
        self.connections += 1
        try:
            while await self._answer(reader, writer):
                pass
        except ConnectionError:
            self.abandoned += 1
        except (asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client closed an idle connection, or the server is closing
        finally:
            self.open_connections.discard(asyncio.current_task())
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Serve one request; False ends the connection."""
        head, body = await _read_request(reader)
        path = head.split(" ", 2)[1].split("?")[0]
        self.heads.append(head)
        if self._key and self._key not in head.split():
            await _send(writer, 401, {"error": {"message": f"bad key: {head}"}})
        elif path.endswith("/models"):
            await _send(writer, 200, {"object": "list", "data": self._models})
        elif not path.endswith(("/completions", "/messages")):
            await _send(writer, 404, {"error": {"message": f"no such path: {path}"}})
        else:
            self.requests.append(body)
            model = str(body.get("model", ""))
            if self._recordings and (recorded := self._recordings / f"{model}.sse").is_file():
                writer.write(_STREAM + b"\r\n" + recorded.read_bytes())
                await writer.drain()
                return False
            name, _, failing = model.partition(":")
            if name == "flaky" and len(self.requests) <= int(failing):
                await _refuse(writer, 503, body)
                return True
            reply = _Reply(reader, writer, "/chat/" in path, self._meetings)
            return await _complete(body, reply)
        return True


@dataclass(frozen=True, slots=True)
class _Reply:
    """One answer on the wire, streamed in either style."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    chat: bool
    meetings: dict[int, asyncio.Barrier]

    async def meet(self, count: int) -> None:
        await self.meetings.setdefault(count, asyncio.Barrier(count)).wait()

    def start(self) -> None:
        self.writer.write(_STREAM + b"transfer-encoding: chunked\r\n\r\n")

    async def event(self, data: dict[str, Any] | str) -> None:
        if self.reader.at_eof():
            raise ConnectionResetError("the client left")
        text = data if isinstance(data, str) else json.dumps(data)
        payload = f"data: {text}\n\n".encode()
        self.writer.write(b"%x\r\n%b\r\n" % (len(payload), payload))
        await self.writer.drain()

    async def end(self) -> None:
        await self.event("[DONE]")
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    def choice(self, text: str, finish_reason: str | None, part: str = "delta") -> dict[str, Any]:
        content = {part: {"content": text}} if self.chat else {"text": text}
        return {"index": 0, "finish_reason": finish_reason, **content}


async def _complete(body: dict[str, Any], reply: _Reply) -> bool:
    behaviour, _, argument = str(body.get("model", "")).partition(":")
    if behaviour == "fail":
        code, _, retry_after = argument.partition(":")
        await _refuse(reply.writer, int(code), body, retry_after)
        return True
    script = script_of(body, behaviour, argument)
    if not body.get("stream"):
        choice = reply.choice("".join(script.words), "stop", "message")
        choices = [choice] * (1 if behaviour == "one" else body.get("n") or 1)
        await _send(reply.writer, 200, {"choices": choices, "usage": usage_of(body, script)})
        return True
    reply.start()
    if behaviour == "stall":
        await reply.writer.drain()
        await reply.reader.read()
        raise ConnectionResetError("the client left")
    breaks = behaviour in ("cut", "error-mid-stream")
    await _stream_words(script, reply, BREAKS_AFTER if breaks else None)
    if behaviour == "error-mid-stream":
        await reply.event({"error": {"message": f"failed on {body}", "code": 500}})
    if breaks:
        return False
    await reply.event({"choices": [reply.choice("", "stop")]})
    if (body.get("stream_options") or {}).get("include_usage"):
        await reply.event({"choices": [], "usage": usage_of(body, script)})
    await reply.end()
    return True


async def _refuse(
    writer: asyncio.StreamWriter, status: int, body: dict[str, Any], retry_after: str = ""
) -> None:
    header = f"retry-after: {retry_after}\r\n" if retry_after else ""
    await _send(writer, status, {"error": {"message": f"bad request: {body}"}}, header)


async def _stream_words(script: Script, reply: _Reply, limit: int | None) -> None:
    for number, word in enumerate(script.words[:limit]):
        if number == 1 and script.together > 1:
            await reply.meet(script.together)
        if script.interval_s:
            await asyncio.sleep(script.interval_s)
        await reply.event({"choices": [reply.choice(word, None)]})


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, dict[str, Any]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    length = re.search(r"^content-length:\s*(\d+)", head, re.IGNORECASE | re.MULTILINE)
    body = await reader.readexactly(int(length[1])) if length else b""
    return head, json.loads(body) if body else {}


async def _send(
    writer: asyncio.StreamWriter, status: int, data: dict[str, Any], header: str = ""
) -> None:
    payload = json.dumps(data).encode()
    head = f"HTTP/1.1 {status} Fake\r\ncontent-type: application/json\r\n{header}"
    writer.write(f"{head}content-length: {len(payload)}\r\n\r\n".encode() + payload)
    await writer.drain()


async def _serve_forever(server: FakeModelServer) -> None:
    async with server:
        print(f"Fake language models at {server.base_url}: {', '.join(MODELS)}", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m kb.models.fake.server")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000)
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve_forever(FakeModelServer(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
