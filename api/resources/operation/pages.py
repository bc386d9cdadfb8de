"""The pages that people see: static files, served as they are."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from api.resources.operation.session import WEB
from api.threads import in_thread

router = APIRouter(include_in_schema=False)


@router.get("/")
async def home() -> Response:
    """The chat page; the middleware sends those who are not signed in to the sign-in page."""
    return FileResponse(WEB / "index.html", headers={"cache-control": "no-cache"})


@router.get("/docs")
async def reference() -> Response:
    """The API reference; like the description that it shows, it is open to everybody."""
    return FileResponse(WEB / "reference.html", headers={"cache-control": "no-cache"})


@router.get("/openapi.json")
async def description(request: Request) -> Response:
    """The description of the API, from which clients can be generated."""
    return Response(await in_thread(request.app.document), media_type="application/json")
