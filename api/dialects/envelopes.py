"""Errors in the shape that a dialect's clients read, whoever has found them.

Keys, limits on bodies and validation are settled before or beside a dialect's own code, and all of
them answer with a problem document. So the last step before the wire makes of it what the dialect
says; no other code asks in which dialect it is talked to.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import MEDIA_TYPE

Envelope = Callable[[Mapping[str, Any]], tuple[int, Mapping[str, Any] | str]]
"""From the fields of a problem document to the status and body that clients of a dialect read: JSON
or plain text."""


class Envelopes:
    """Turns the problem documents of addresses below a prefix into a dialect's errors."""

    def __init__(self, app: ASGIApp, dialects: Mapping[str, Envelope]) -> None:
        self._app = app
        self._dialects = dialects

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        envelope = self._envelope_of(scope)
        if envelope is None:
            await self._app(scope, receive, send)
            return
        start: Message | None = None

        async def send_enveloped(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_problem(message):
                start = message
            elif start is not None:
                answer, start = _enveloped(start, message["body"], envelope), None
                for part in answer:
                    await send(part)
            else:
                await send(message)

        await self._app(scope, receive, send_enveloped)

    def _envelope_of(self, scope: Scope) -> Envelope | None:
        if scope["type"] != "http":
            return None
        path = f"{scope['path']}/"
        own = (each for prefix, each in self._dialects.items() if path.startswith(f"{prefix}/"))
        return next(own, None)


def _is_problem(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "") == MEDIA_TYPE


def _enveloped(start: Message, body: bytes, envelope: Envelope) -> tuple[Message, Message]:
    """A problem is written in one piece (`api.errors.problem`)."""
    status, fields = envelope(json.loads(body))
    is_text = isinstance(fields, str)
    encoded = (fields if isinstance(fields, str) else json.dumps(fields)).encode()
    start = {**start, "status": status}
    headers = MutableHeaders(scope=start)
    headers["content-type"] = "text/plain; charset=utf-8" if is_text else "application/json"
    headers["content-length"] = str(len(encoded))
    return start, {"type": "http.response.body", "body": encoded}
