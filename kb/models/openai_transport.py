"""The one module that talks HTTP to models, through aiohttp: import it off the event loop.

aiohttp hands over all bytes that have come at once, parsed in C. httpx, and the openai SDK on top
of it, pass every chunk of the stream through a dozen Python generators: four times the processor
time a token. Every foreign error becomes a sentence of ours, raised `from None`: servers echo
requests in their errors, and a request holds the hidden prompt.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
import httpx

from kb.errors import ModelUnavailable
from kb.types import Model

OPENAI_URL = "https://api.openai.com/v1"
PATHS = {"chat": "/chat/completions", "completion": "/completions"}
STATUS_SENTENCES = {
    401: "refused its API key",
    403: "refused its API key",
    404: "is unknown at its address: check base_url and model",
    429: "is rate limited: try again in a moment",
}


class OpenAITransport:
    """Connections to one endpoint, kept open between answers. Making one takes about 25 ms."""

    def __init__(self, model: Model) -> None:
        self._name = model.name
        self._url = (model.base_url or OPENAI_URL).rstrip("/") + PATHS[model.style]
        self._headers = {
            "authorization": f"Bearer {model.api_key or 'none'}",
            "content-type": "application/json",
        }
        self._certificates = httpx.create_ssl_context()  # certifi's, or those of SSL_CERT_FILE
        self._session: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def answer(self, body: dict[str, Any]) -> AsyncIterator[Answer]:
        """Post a request and hold its response open; leaving closes an unfinished one.

        Raises:
            ModelUnavailable: not reachable, or not HTTP 200.
        """
        unreachable = "cannot be reached: check its base_url, and that its server runs"
        content = json.dumps(body).encode()  # ASCII: half a surrogate in a prompt passes
        with foreign_errors(self._name, unreachable):
            response = await self._open().post(self._url, data=content, headers=self._headers)
        async with response:
            if response.status != 200:
                raise self._refused(response.status)
            yield Answer(response, self._name)

    async def close(self) -> None:
        """Release connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:  # belongs to the running loop, hence not made in __init__
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._certificates),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),  # AnswerClock watches
                trust_env=True,
            )
        return self._session

    def _refused(self, status: int) -> ModelUnavailable:
        what = STATUS_SENTENCES.get(status, "could not answer: its server's log says why")
        return _unavailable(self._name, f"{what} (HTTP {status})")


class Answer:
    """The body of one response."""

    def __init__(self, response: aiohttp.ClientResponse, model: str) -> None:
        self._model = model
        self._content = response.content
        # A server that does not stream, or fails with HTTP 200, sends one bare object: as an event.
        self._bare = "json" in response.headers.get("content-type", "")

    async def block(self) -> bytes | None:
        """All bytes that have come, at least one; None at the end."""
        with foreign_errors(self._model, "broke off before its answer was whole"):
            if not self._bare:
                return await self._content.readany() or None
            self._bare = False
            lines = (await self._content.read()).splitlines()
            return b"data:" + b"".join(lines) + b"\n\n"


@contextmanager
def foreign_errors(model: str, broken: str) -> Iterator[None]:
    """Translates whatever HTTP raises; `broken` says what a lost connection means."""
    try:
        yield
    except (aiohttp.ClientError, OSError):
        raise _unavailable(model, broken) from None


def _unavailable(model: str, what: str) -> ModelUnavailable:
    return ModelUnavailable(f"The language model {model!r} {what}.")
