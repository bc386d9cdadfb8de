"""Which pages may read answers: those of the origins that widget keys list, and no others.

Cookies are never allowed along, so a page of another origin cannot use a session of the console.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth import END_USER_HEADER
from api.threads import in_thread
from kb.access import Access

PREFLIGHT_S = "600"

_PREFLIGHT: Mapping[str, str] = {
    "access-control-allow-methods": "GET, POST, PATCH, DELETE",
    "access-control-max-age": PREFLIGHT_S,
}
_HEADERS = f"authorization, content-type, idempotency-key, last-event-id, {END_USER_HEADER}"
_EXPOSED = f"retry-after, x-request-id, {END_USER_HEADER}, x-vercel-ai-ui-message-stream"


class CrossOrigin:
    """Answers preflights and marks answers for the pages of widgets (Fetch standard, 3.2)."""

    def __init__(self, app: ASGIApp, prefixes: Iterable[str]) -> None:
        self._app = app
        self._prefixes = tuple(f"{prefix}/" for prefix in prefixes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = self._foreign_origin(scope)
        if origin is None or not await _is_listed(scope, origin):
            await self._app(scope, receive, send)
            return
        marks = {"access-control-allow-origin": origin, "vary": "Origin"}
        if _is_preflight(scope):
            # SDKs and pages send headers of their own (`x-stainless-lang`): a listed page may.
            asked = Headers(scope=scope).get("access-control-request-headers", "")
            allowed = {"access-control-allow-headers": f"{_HEADERS}, {asked}".rstrip(", ")}
            answer = Response(status_code=204, headers={**marks, **_PREFLIGHT, **allowed})
            await answer(scope, receive, send)
            return

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(marks)
                headers["access-control-expose-headers"] = _EXPOSED
            await send(message)

        await self._app(scope, receive, send_marked)

    def _foreign_origin(self, scope: Scope) -> str | None:
        if scope["type"] != "http" or not scope["path"].startswith(self._prefixes):
            return None
        return Headers(scope=scope).get("origin")


async def _is_listed(scope: Scope, origin: str) -> bool:
    access: Access = scope["state"]["kb"].access
    return origin in await in_thread(access.widget_origins)


def _is_preflight(scope: Scope) -> bool:
    return scope["method"] == "OPTIONS" and "access-control-request-method" in Headers(scope=scope)
