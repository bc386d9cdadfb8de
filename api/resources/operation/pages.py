"""The pages that people see: static files, served as they are."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import FileResponse, Response

from api.resources.operation.session import WEB

router = APIRouter(include_in_schema=False)


@router.get("/")
async def home() -> Response:
    """The chat page; the middleware sends those who are not signed in to the sign-in page."""
    return FileResponse(WEB / "index.html", headers={"cache-control": "no-cache"})
