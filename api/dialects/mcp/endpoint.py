"""The endpoint `/mcp`: the SDK speaks the protocol, in all its revisions; the tools are ours.

Nothing is kept between requests, so any of several servers can answer. The SDK takes a second to
import: that is paid by the first request to `/mcp`, not by the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from api.dialects.originals import site_of
from api.threads import in_thread

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

PATH = "/mcp"
METADATA_PATHS = tuple(f"/.well-known/oauth-protected-resource{end}" for end in ("", PATH))


SERVER_ERROR = -32000
"""The first code that JSON-RPC 2.0 leaves to servers."""


class McpEndpoint:
    """An ASGI application that makes the SDK's own when it is first called."""

    def __init__(self) -> None:
        self._running: asyncio.Task[None] | None = None
        self._manager: asyncio.Future[StreamableHTTPSessionManager] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._manager is None:
            self._manager = asyncio.get_running_loop().create_future()
            self._running = asyncio.create_task(self._run(self._manager, scope["state"]["closing"]))
        manager = await asyncio.shield(self._manager)
        await manager.handle_request(scope, receive, send)

    async def _run(self, ready: asyncio.Future[StreamableHTTPSessionManager], closing: Any) -> None:
        """Keep the SDK's tasks until the server shuts down."""
        try:
            manager = await in_thread(_manager)
            async with manager.run():
                ready.set_result(manager)
                await closing.wait()
        except BaseException as exc:
            self._manager = None
            if not ready.done():
                ready.set_exception(exc)
            raise


def _manager() -> StreamableHTTPSessionManager:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from api.dialects.mcp.server import create_server

    return StreamableHTTPSessionManager(create_server(), json_response=True, stateless=True)


def envelope(problem: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
    """The status and body for a problem document: clients show the message of a JSON-RPC error."""
    data = {"code": problem["code"], "request_id": problem["request_id"]}
    error = {"code": SERVER_ERROR, "message": problem["detail"], "data": data}
    return problem["status"], {"jsonrpc": "2.0", "id": None, "error": error}


async def resource_metadata(request: Request) -> JSONResponse:
    """What clients look for that would sign in with OAuth (RFC 9728): there is nothing to sign in
    to; a key of this server is sent as it is."""
    site = site_of(request)
    said = {
        "resource": f"{site}{PATH}",
        "authorization_servers": [],
        "bearer_methods_supported": ["header"],
        "resource_name": "Citewell: send a key of this server as `Authorization: Bearer <key>`",
    }
    return JSONResponse(said)
