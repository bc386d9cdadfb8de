"""The pages: static files that talk to the API. Who is not signed in is sent to sign in."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from api.deps import KB
from api.http.middleware import SECURITY_HEADERS
from api.threads import in_thread

WEB = Path(__file__).parents[2] / "web"
NO_CACHE = {"cache-control": "no-cache"}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def home() -> Response:
    """The chat page of those who are signed in."""
    return FileResponse(WEB / "index.html", headers=NO_CACHE)


@router.get("/console")
@router.get("/console/{path:path}")
async def console(path: str = "") -> Response:
    """The pages for setting everything up; which one, the address tells their script."""
    return FileResponse(WEB / "console.html", headers=NO_CACHE)


@router.get("/chat/{app}")
async def shared_chat(app: str, kb: KB) -> Response:
    """The chat page of a share link, whose widget key stands behind the `#` and is not sent.

    The pages that some widget key names may show it in a frame: browsers that know
    `frame-ancestors` do not look at `X-Frame-Options`.
    """
    origins = await in_thread(kb.access.widget_origins)
    ancestors = " ".join(["frame-ancestors 'self'", *sorted(origins)])
    usual = SECURITY_HEADERS["content-security-policy"]
    policy = usual.replace("frame-ancestors 'none'", ancestors)
    headers = {**NO_CACHE, "content-security-policy": policy}
    return FileResponse(WEB / "index.html", headers=headers)


@router.get("/widget.js")
async def widget() -> Response:
    """The chat as one line of a foreign page; only this script may be loaded by others."""
    headers = {**NO_CACHE, "cross-origin-resource-policy": "cross-origin"}
    return FileResponse(WEB / "widget.js", headers=headers)


@router.get("/documents")
@router.get("/static/documents.html")
async def documents() -> Response:
    """Where older links to the documents page go."""
    return RedirectResponse("/console/knowledge", status_code=308)


@router.get("/docs")
async def reference() -> Response:
    """The API reference; like the description that it shows, it is open to everybody."""
    return FileResponse(WEB / "reference.html", headers=NO_CACHE)


@router.get("/openapi.json")
async def description(request: Request) -> Response:
    """The description of the API, from which clients can be generated."""
    return Response(await in_thread(request.app.document), media_type="application/json")
