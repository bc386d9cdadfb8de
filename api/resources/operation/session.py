"""Signing in to the console with the login link or the admin key, and who is signed in."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from api.auth import COOKIE, end_session, set_session
from api.deps import KB, CallerDep
from api.resources.operation.requests import LoginBody
from api.resources.operation.responses import SessionResponse
from kb.errors import Unauthenticated

WEB = Path(__file__).parents[2] / "web"
NO_STORE = {"cache-control": "no-store"}

router = APIRouter(tags=["session"])


@router.get("/login", include_in_schema=False)
async def login_page(request: Request, kb: KB, token: str | None = None) -> Response:
    """The sign-in page; with the token of the login link, signs in and goes to the console."""
    if token is None:
        return FileResponse(WEB / "login.html", headers=NO_STORE)
    try:
        cookie = kb.access.sign_in(token)
    except Unauthenticated:  # a person opened the link of an earlier start: a page, no problem JSON
        return RedirectResponse("/login?stale=1", status_code=303, headers=NO_STORE)
    response = RedirectResponse("/", status_code=303, headers=NO_STORE)
    set_session(response, cookie, secure=request.url.scheme == "https")
    return response


@router.post("/login", status_code=204)
async def login(request: Request, body: LoginBody, kb: KB) -> Response:
    """Sign in with the admin key: sets the session cookie."""
    response = Response(status_code=204)
    cookie = kb.access.sign_in(body.key)
    set_session(response, cookie, secure=request.url.scheme == "https")
    return response


@router.post("/logout", status_code=204)
async def logout(caller: CallerDep) -> Response:
    """Sign this browser out."""
    response = Response(status_code=204)
    end_session(response)
    return response


@router.get("/v1/session")
async def session(request: Request, kb: KB, caller: CallerDep) -> SessionResponse:
    """The kind of the caller, and the token that writes of a browser session must carry."""
    by_key = "authorization" in request.headers
    cookie = None if by_key else request.cookies.get(COOKIE)
    csrf = None if cookie is None else kb.access.csrf(cookie)
    return SessionResponse(kind=caller.kind, csrf=csrf)
