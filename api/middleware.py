"""Around every request: an id, limits on the body, security headers, one line in the log.

Pure ASGI on purpose: Starlette's BaseHTTPMiddleware hides that a client has left and swallows the
end of broken streams.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import INTERNAL_DETAIL, problem
from api.metrics import RequestCounts
from kb.ids import new_id

logger = logging.getLogger(__name__)

BODY_BYTES = 1 << 20

_UPLOAD = re.compile(
    r"/v1/(datasets/[^/]+/(documents(/by-name/.+)?|preview)|preview|uploads(/[^/]+)?)"
)

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

    def __init__(self, app: ASGIApp, counts: RequestCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = _Request(new_id("req"), time.perf_counter())
        scope["kb.request_id"] = request.id

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
            self._count(scope, request)

    def _count(self, scope: Scope, request: _Request) -> None:
        took_ms = (time.perf_counter() - request.began) * 1000
        self._counts.add(scope["method"], request.status)
        logger.info(
            "%s %s %d %.1f ms %s",
            scope["method"],
            scope["raw_path"].decode("ascii", "backslashreplace"),
            request.status,
            took_ms,
            request.id,
        )


@dataclass(slots=True)
class _Request:
    id: str
    began: float
    status: int = 0


class BodyLimit:
    """Refuses bodies that are too large: by their announced length, else while they arrive."""

    def __init__(self, app: ASGIApp, *, upload_bytes: int) -> None:
        self._app = app
        self._upload_bytes = upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limit(scope)
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isascii() and announced.isdigit() and int(announced) > limit:
            answer = problem(413, "too_large", _too_large(limit), scope["kb.request_id"])
            await answer(scope, receive, send)
            return
        received = 0

        async def receive_limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413, _too_large(limit))
            return message

        await self._app(scope, receive_limited, send)

    def _limit(self, scope: Scope) -> int:
        is_upload = scope["method"] in ("POST", "PUT", "PATCH") and _UPLOAD.fullmatch(scope["path"])
        return self._upload_bytes if is_upload else BODY_BYTES


def _cache_control(path: str) -> str:
    return "no-cache" if path.startswith("/static/") else "no-store"


def _too_large(limit: int) -> str:
    return f"The request body is larger than {limit} bytes. Send less at a time."
