"""Connections to OpenAI-compatible endpoints, by aiohttp, which parses in C.

Every foreign error becomes a sentence of ours, raised `from None`: servers echo requests, and a
request holds the hidden prompt. An endpoint's words are never read where it fails.

The openai SDK and httpx above aiohttp were measured and left out: they took 14 % of the processor
time of an answer of one token, and an import of 0.4 s, for types that nothing here looks at.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
import httpx
from aiohttp.connector import AddrInfoType

from kb.errors import ModelUnavailable
from kb.models.llm.addresses import check_registered
from kb.models.llm.failures import QuestionRefused, TryAgain, retry_after_s
from kb.models.providers.presets import base_url_of, options_of, preset_of
from kb.outbound.addresses import RefusedAddress, checked_socket, is_named, proxy_for
from kb.types import Model

PATHS = {"chat": "/chat/completions", "completion": "/completions"}
KEEPALIVE_S = 5.0
"""Seconds that an unused connection is kept: many servers close theirs soon after."""

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
"""Statuses of failures that may be over in a moment."""
OF_THE_QUESTION = frozenset({400, 413, 414, 422})
MAX_WHOLE_BYTES = 16 * 1024 * 1024
"""Most that is read of an answer that does not stream."""
MISLEADING = (
    "is at a link-local or metadata address: correct its base_url, or name its host in "
    "KB_LLM__LINK_LOCAL_HOSTS"
)
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
    """Connections to one endpoint, kept open between answers. Making one takes about 25 ms, for
    the certificates; its connections belong to the event loop that asks first."""

    def __init__(self, model: Model, link_local_hosts: str = "") -> None:
        check_registered(model, link_local_hosts)
        self._name = model.name
        self._link_local_hosts = link_local_hosts
        quirks, options, key = preset_of(model).quirks, options_of(model), model.api_key or "none"
        base_url = base_url_of(model.provider, model.base_url) or ""
        named = {name: options[name] for name in quirks.in_address if options.get(name)}
        self._query = f"?{urlencode(named)}" if named else ""
        self._base_url = base_url.rstrip("/")
        self._url = self._base_url + PATHS[model.style] + self._query
        is_bearer = quirks.key_header == "authorization"
        self._headers = {
            quirks.key_header: f"Bearer {key}" if is_bearer else key,
            "content-type": "application/json",
            "accept": "text/event-stream, application/json",
            # A few bytes of a compressed body can become gigabytes; streams gain nothing by it.
            "accept-encoding": "identity",
        }
        self._certificates = httpx.create_ssl_context()
        self._proxy = proxy_for(self._url)
        self._is_named = is_named(self._url, link_local_hosts)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, body: dict[str, Any]) -> ResponseBody:
        """Post a request; what answers it must be closed.

        Raises:
            ModelUnavailable: not reachable, or not HTTP 200.
        """
        data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        return await self._send("POST", self._url, data)

    async def models(self) -> list[dict[str, Any]]:
        """What the server lists as its models. Raises ModelUnavailable."""
        answer = await self._send("GET", f"{self._base_url}/models{self._query}", None)
        body = bytearray()
        try:
            while len(body) < MAX_WHOLE_BYTES and (block := await answer.block()):
                body += block
            told = json.loads(body.removeprefix(b"data:"))
            return [each for each in told["data"] if isinstance(each, dict)]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise _unavailable(self._name, "does not list its models") from None
        finally:
            answer.close()

    async def _send(self, method: str, url: str, data: bytes | None) -> ResponseBody:
        if self._session is None:
            self._session = self._opened()
        unreachable = "cannot be reached: check its base_url, and that its server runs"
        with foreign_errors(self._name, unreachable):
            # Redirects could lead the prompt anywhere.
            response = await self._session.request(
                method, url, data=data, headers=self._headers, allow_redirects=False
            )
        refusal = _refusal(self._name, response)
        if refusal is not None:  # before any of its body is read, which may have no end
            refusal.status = response.status
            response.close()
            raise refusal
        return ResponseBody(response, self._name)

    async def close(self) -> None:
        """Release connections."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                ssl=self._certificates,
                keepalive_timeout=KEEPALIVE_S,
                socket_factory=self._socket,
            ),
            timeout=aiohttp.ClientTimeout(),  # AnswerClock watches
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            proxy=self._proxy,
        )

    def _socket(self, info: AddrInfoType) -> socket.socket:
        """A socket for one address that the host stands for at this moment."""
        if self._is_named:
            return socket.socket(*info[:3])
        return checked_socket(info, self._link_local_hosts)


class ResponseBody:
    """The body of one response."""

    def __init__(self, response: aiohttp.ClientResponse, model: str) -> None:
        self._model = model
        self._response = response
        self._body = response.content
        self._has_begun = False

    async def block(self) -> bytes | None:
        """The next bytes as they come, None at the end."""
        with foreign_errors(self._model, "broke off before its answer was whole"):
            block = await self._body.readany() or None
            if self._has_begun or block is None or not block.strip():
                return block
            self._has_begun = True
            # A server that does not stream, or fails with HTTP 200, sends one bare object: it is
            # read like an event, whatever content type it claims.
            return await self._as_event(block) if block.lstrip().startswith(b"{") else block

    def close(self) -> None:
        """Hang up, unless the response was read to its end."""
        self._response.close()

    async def _as_event(self, beginning: bytes) -> bytes:
        body = bytearray(beginning)
        while block := await self._body.readany():
            body += block
            if len(body) > MAX_WHOLE_BYTES:
                raise _unavailable(self._model, "sent something that is not an answer")
        return b"data:" + b"".join(body.splitlines()) + b"\n\n"


@contextmanager
def foreign_errors(model: str, broken: str) -> Iterator[None]:
    """Translates whatever HTTP raises; `broken` says what a lost connection means."""
    try:
        yield
    except aiohttp.ClientConnectorError as exc:
        if isinstance(exc.os_error, RefusedAddress):
            raise _unavailable(model, MISLEADING) from None
        raise TryAgain(_sentence(model, broken)) from None
    except (aiohttp.InvalidURL, ValueError):
        raise _unavailable(model, broken) from None
    except (aiohttp.ClientError, ConnectionError):
        raise TryAgain(_sentence(model, broken)) from None


def _refusal(model: str, response: aiohttp.ClientResponse) -> ModelUnavailable | None:
    status, headers = response.status, response.headers
    if 200 <= status < 300:
        kind = headers.get("content-type", "")
        if "html" in kind or headers.get("content-encoding", "identity") != "identity":
            return _unavailable(model, "sent something that is not an answer: check its base_url")
        return None
    what = STATUS_SENTENCES.get(status, "could not answer: its server's log says why")
    sentence = _sentence(model, f"{what} (HTTP {status})")
    if status in PASSING:
        return TryAgain(sentence, retry_after_s(headers))
    return QuestionRefused(sentence) if status in OF_THE_QUESTION else ModelUnavailable(sentence)


def _unavailable(model: str, what: str) -> ModelUnavailable:
    return ModelUnavailable(_sentence(model, what))


def _sentence(model: str, what: str) -> str:
    return f"The language model {model!r} {what}."
