"""Around every request: an id, limits on the body, security headers, one line in the log.

Pure ASGI on purpose: Starlette's BaseHTTPMiddleware hides that a client has left and swallows the
end of broken streams.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import is_open
from api.errors import INTERNAL_DETAIL, problem
from api.http import connections
from kb.ids import new_id
from kb.telemetry import spans
from kb.telemetry.metrics import REQUESTS

logger = logging.getLogger(__name__)

BODY_BYTES = 1 << 20

BODY_STILL_S = 30.0
"""How long a body may stand still."""

BODY_BYTES_PER_S = 100.0
"""Least pace of a body, after that time: a byte now and then is not moving."""

CLOSE = {"connection": "close"}

TWO_LENGTHS = "Send `Content-Length` or `Transfer-Encoding: chunked`, not both."

STALLED = (
    "The request body stopped arriving before it was whole. Send it again; a large file goes on "
    "where it stopped with a resumable upload (/v1/uploads)."
)

_UPLOAD = re.compile(
    r"/v1/(datasets/[^/]+/(documents(/by-name/.+)?|preview)|preview|uploads(/[^/]+)?)"
    r"|/dify/v1/datasets/[^/]+/document(/create[-_]by[-_]file|s/[^/]+(/update[-_]by[-_]file)?)"
    r"|/openai/v1/files"
)

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Those that have a series; a request may name any other."""

SECURITY_HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data:; connect-src 'self'; object-src 'none'; "
        "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class RequestEnvelope:
    """Gives a request its id, answers unknown exceptions, and writes the log line.

    The line holds the path without its query, because a login link carries a token there.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(new_id("req"), time.perf_counter())
        scope["kb.request_id"] = request.id
        spans.current().set_attribute("citewell.request", request.id)

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = request.id
                headers.setdefault("cache-control", _cache_control(scope["path"]))
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_marked)
        except Exception:
            logger.exception("request %s failed", request.id)
            if request.status:
                raise  # the answer has begun: only a broken connection can say that it is wrong
            answer = problem(500, "internal_error", INTERNAL_DETAIL, request.id)
            await answer(scope, receive, send_marked)
        finally:
            self._note(scope, request)

    def _note(self, scope: Scope, request: _Request) -> None:
        took_ms = (time.perf_counter() - request.began) * 1000
        method = scope["method"] if scope["method"] in METHODS else "OTHER"
        REQUESTS.labels(method, str(request.status)).inc()
        caller, path = scope.get("kb.caller"), scope["raw_path"].decode("ascii", "backslashreplace")
        asked = {"method": method, "route": _route(scope), "key": caller and caller.key_id}
        ended = {"status": request.status, "ms": round(took_ms, 1)}
        fields = {"event": "request", "request": request.id, **asked, **ended}
        said = (scope["method"], path, request.status, took_ms, request.id)
        logger.info("%s %s %d %.1f ms %s", *said, extra={"fields": fields})


@dataclass(slots=True)
class _Request:
    id: str
    began: float
    status: int = 0


class BodyGuard:
    """Refuses bodies that are too large, by their announced length or while they arrive (413), and
    those that stop half-way (408, and the connection is closed: RFC 9110, 15.5.9).

    Only the time counts that is spent waiting for the client. So an upload may take hours as long
    as it moves, and what the server needs to write it down costs the client nothing. What is open
    to everybody takes little, and `OPEN_DEADLINE_S` from the first byte of the request on.

    A length beside chunks is refused as well: a proxy may end the body elsewhere than we do, and
    take what follows for a request of somebody else (RFC 9112, 6.1).
    """

    def __init__(self, app: ASGIApp, *, upload_bytes: int) -> None:
        self._app = app
        self._upload_bytes = upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit, headers = self._limit(scope), Headers(scope=scope)
        announced = headers.get("content-length", "")
        if announced and "transfer-encoding" in headers:
            said = (400, "invalid_request", TWO_LENGTHS, scope["kb.request_id"])
            await problem(*said, headers=CLOSE)(scope, receive, send)
            return
        if announced.isascii() and announced.isdigit() and int(announced) > limit:
            answer = problem(413, "too_large", _too_large(limit), scope["kb.request_id"])
            await answer(scope, receive, send)
            return
        body = _Body(scope["state"].get("awaited_since") if is_open(scope["path"]) else None)

        async def receive_guarded() -> Message:
            if body.is_settled:
                return await receive()
            began = time.monotonic()
            try:
                async with asyncio.timeout(body.patience_s()):
                    message = await receive()
            except TimeoutError as exc:
                raise HTTPException(408, STALLED, CLOSE) from exc
            body.waited_s += time.monotonic() - began
            body.received += len(message.get("body", b""))
            body.is_settled = not message.get("more_body", False)
            if body.received > limit:
                raise HTTPException(413, _too_large(limit))
            return message

        async def send_noted(message: Message) -> None:
            body.is_settled = True  # what comes now can change nothing any more
            await send(message)

        await self._app(scope, receive_guarded, send_noted)

    def _limit(self, scope: Scope) -> int:
        if is_open(scope["path"]):
            return connections.OPEN_BODY_BYTES
        is_upload = scope["method"] in ("POST", "PUT", "PATCH") and _UPLOAD.fullmatch(scope["path"])
        return self._upload_bytes if is_upload else BODY_BYTES


@dataclass(slots=True)
class _Body:
    open_since: float | None
    is_settled: bool = False
    received: int = 0
    waited_s: float = 0.0

    def patience_s(self) -> float:
        if self.open_since is not None:
            return self.open_since + connections.OPEN_DEADLINE_S - asyncio.get_running_loop().time()
        earned_s = BODY_STILL_S + self.received / BODY_BYTES_PER_S
        return min(BODY_STILL_S, earned_s - self.waited_s)


def _route(scope: Scope) -> str | None:
    """The pattern of the address: none of what it says is somebody's words."""
    return scope["root_path"] + scope["route"].path if "route" in scope else None


def _cache_control(path: str) -> str:
    return "no-cache" if path.startswith("/static/") else "no-store"


def _too_large(limit: int) -> str:
    return f"The request body is larger than {limit} bytes. Send less at a time."
