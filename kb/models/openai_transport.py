"""The one module that imports the openai SDK, which takes 0.4 s: import it off the event loop.

The SDK talks through aiohttp, which parses in C: 40 µs of processor time a token where its own
transport takes 72, and 29 is what aiohttp alone takes (40 streams side by side).
Every foreign error becomes a sentence of ours, raised `from None`: the SDK's errors carry the
server's body, servers echo requests, and a request holds the hidden prompt.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import openai

from kb.errors import ModelUnavailable
from kb.types import Model

OPENAI_URL = "https://api.openai.com/v1"
UNLIMITED = httpx.Limits(max_connections=None, max_keepalive_connections=100)
REQUIRED: Mapping[str, dict[str, Any]] = {"chat": {"messages": ()}, "completion": {"prompt": ""}}
"""What the SDK insists on. It would walk through every message to check its type; in `extra_body`,
which goes before these, it takes them as they are, at half the processor time an answer."""
STATUS_SENTENCES = {
    401: "refused its API key",
    403: "refused its API key",
    404: "is unknown at its address: check base_url and model",
    429: "is rate limited: try again in a moment",
}


class OpenAITransport:
    """Connections to one endpoint, kept open between answers. Making one takes about 25 ms."""

    def __init__(self, model: Model) -> None:
        # Its debug log writes requests and error bodies, hidden prompt included.
        logging.getLogger("openai").setLevel(logging.WARNING)
        self._name = model.name
        self._style = model.style
        self._client = openai.AsyncOpenAI(
            base_url=model.base_url or OPENAI_URL,
            api_key=model.api_key or "none",
            http_client=openai.DefaultAioHttpClient(timeout=None, limits=UNLIMITED),
            timeout=None,  # AnswerClock watches
            max_retries=0,
        )

    @asynccontextmanager
    async def answer(self, body: dict[str, Any]) -> AsyncIterator[Answer]:
        """Post a request and hold its response open; leaving closes an unfinished one.

        Raises:
            ModelUnavailable: not reachable, or not HTTP 200.
        """
        api: Any = self._client.chat if self._style == "chat" else self._client
        unreachable = "cannot be reached: check its base_url, and that its server runs"
        with foreign_errors(self._name, unreachable):
            async with api.completions.with_streaming_response.create(
                model=body["model"], stream=True, **REQUIRED[self._style], extra_body=body
            ) as response:
                yield Answer(response, self._name)

    async def close(self) -> None:
        """Release connections."""
        await self._client.close()


class Answer:
    """The body of one response."""

    def __init__(self, response: Any, model: str) -> None:
        self._model = model
        self._blocks: AsyncIterator[bytes] = response.iter_bytes()
        # A server that does not stream, or fails with HTTP 200, sends one bare object: as an event.
        self._bare = "json" in response.headers.get("content-type", "")

    async def block(self) -> bytes | None:
        """The next bytes as they come, None at the end."""
        with foreign_errors(self._model, "broke off before its answer was whole"):
            if not self._bare:
                return await anext(self._blocks, None)
            self._bare = False
            lines = b"".join([block async for block in self._blocks]).splitlines()
            return b"data:" + b"".join(lines) + b"\n\n"


@contextmanager
def foreign_errors(model: str, broken: str) -> Iterator[None]:
    """Translates whatever the SDK or HTTP raises; `broken` says what a lost connection means."""
    try:
        yield
    except openai.APIStatusError as exc:
        status = exc.status_code
        what = STATUS_SENTENCES.get(status, "could not answer: its server's log says why")
        raise _unavailable(model, f"{what} (HTTP {status})") from None
    except (openai.OpenAIError, httpx.HTTPError, httpx.InvalidURL):
        raise _unavailable(model, broken) from None


def _unavailable(model: str, what: str) -> ModelUnavailable:
    return ModelUnavailable(f"The language model {model!r} {what}.")
