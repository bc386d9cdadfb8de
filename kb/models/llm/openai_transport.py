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
from kb.models.llm.failures import QuestionRefused, TryAgain, retry_after_s
from kb.types import Model

OPENAI_URL = "https://api.openai.com/v1"
UNLIMITED = httpx.Limits(max_connections=0, max_keepalive_connections=100)
"""To aiohttp 0 is no limit; None would be its own, 100, and every further answer would wait."""
REQUIRED: Mapping[str, dict[str, Any]] = {"chat": {"messages": ()}, "completion": {"prompt": ""}}
"""What the SDK insists on. It would walk through every message to check its type; in `extra_body`,
which goes before these, it takes them as they are, at half the processor time an answer."""
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
"""Statuses of failures that may be over in a moment."""
OF_THE_QUESTION = frozenset({400, 413, 414, 422})
MAX_WHOLE_BYTES = 16 * 1024 * 1024
"""Most that is read of an answer that does not stream."""
STATUS_SENTENCES = {
    401: "refused its API key",
    403: "refused its API key",
    404: "is unknown at its address: check base_url and model",
    429: "is rate limited: try again in a moment",
    **dict.fromkeys(
        range(300, 400), "is elsewhere, and redirects are not followed: correct its base_url"
    ),
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
            # A few bytes of a compressed body can become gigabytes; streams gain nothing by it.
            default_headers={"accept-encoding": "identity"},
            http_client=openai.DefaultAioHttpClient(
                timeout=None,
                limits=UNLIMITED,
                follow_redirects=False,  # they could lead the prompt anywhere
                event_hooks={"response": [self._refuse]},
            ),
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

    async def _refuse(self, response: httpx.Response) -> None:
        """Raises before any of a body is read that is no answer, and may have no end."""
        if not response.is_success:
            raise _refusal(self._name, response)
        kind = response.headers.get("content-type", "")
        if "html" in kind or response.headers.get("content-encoding", "identity") != "identity":
            raise _unavailable(self._name, "sent something that is no answer: check its base_url")


class Answer:
    """The body of one response."""

    def __init__(self, response: Any, model: str) -> None:
        self._model = model
        self._blocks: AsyncIterator[bytes] = response.iter_bytes()
        self._has_begun = False

    async def block(self) -> bytes | None:
        """The next bytes as they come, None at the end."""
        with foreign_errors(self._model, "broke off before its answer was whole"):
            block = await anext(self._blocks, None)
            if self._has_begun or block is None or not block.strip():
                return block
            self._has_begun = True
            # A server that does not stream, or fails with HTTP 200, sends one bare object: it is
            # read like an event, whatever content type it claims.
            return await self._as_event(block) if block.lstrip().startswith(b"{") else block

    async def _as_event(self, beginning: bytes) -> bytes:
        body = bytearray(beginning)
        async for block in self._blocks:
            body += block
            if len(body) > MAX_WHOLE_BYTES:
                raise _unavailable(self._model, "sent something that is no answer")
        return b"data:" + b"".join(body.splitlines()) + b"\n\n"


@contextmanager
def foreign_errors(model: str, broken: str) -> Iterator[None]:
    """Translates whatever the SDK or HTTP raises; `broken` says what a lost connection means."""
    try:
        yield
    except openai.APIConnectionError as exc:
        if isinstance(exc.__cause__, ModelUnavailable):  # ours, from `_refuse`
            raise exc.__cause__ from None
        raise TryAgain(_sentence(model, broken)) from None
    except httpx.TransportError:
        raise TryAgain(_sentence(model, broken)) from None
    except (openai.OpenAIError, httpx.HTTPError, httpx.InvalidURL):
        raise _unavailable(model, broken) from None


def _refusal(model: str, response: httpx.Response) -> ModelUnavailable:
    status = response.status_code
    what = STATUS_SENTENCES.get(status, "could not answer: its server's log says why")
    sentence = _sentence(model, f"{what} (HTTP {status})")
    if status in PASSING:
        return TryAgain(sentence, retry_after_s(response.headers))
    return QuestionRefused(sentence) if status in OF_THE_QUESTION else ModelUnavailable(sentence)


def _unavailable(model: str, what: str) -> ModelUnavailable:
    return ModelUnavailable(_sentence(model, what))


def _sentence(model: str, what: str) -> str:
    return f"The language model {model!r} {what}."
