"""Signing in to the console with the login link or the admin key, and out."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from api.auth import COOKIE, end_session, set_session
from api.deps import KB, AdminScope, CallerDep
from api.http.connections import network_of
from api.resources.operation.pages import WEB
from api.resources.operation.requests import LoginBody
from api.resources.operation.responses import SessionResponse
from api.threads import in_thread
from kb.errors import Unauthenticated
from kb.knowledge_base import KnowledgeBase

NO_STORE = {"cache-control": "no-store"}

router = APIRouter(tags=["session"])


@router.get("/login", include_in_schema=False)
async def login_page(request: Request, kb: KB, token: str | None = None) -> Response:
    """The sign-in page; with the token of the login link, signs in and goes to the console."""
    if token is None:
        return FileResponse(WEB / "login.html", headers=NO_STORE)
    try:
        return await _signed_in(
            request, kb, token, RedirectResponse("/", status_code=303, headers=NO_STORE)
        )
    except Unauthenticated:  # a person opened the link of an earlier start: a page, no problem JSON
        return RedirectResponse("/login?stale=1", status_code=303, headers=NO_STORE)


@router.post("/login", status_code=204)
async def login(request: Request, body: LoginBody, kb: KB) -> Response:
    """Sign in with the admin key: sets the session cookie.

    After a few wrong keys, each one makes its address wait, twice as long as the one before.
    """
    return await _signed_in(request, kb, body.key, Response(status_code=204))


@router.post("/logout", status_code=204)
async def logout(request: Request, kb: KB, caller: CallerDep) -> Response:
    """End the session of this browser."""
    if (cookie := request.cookies.get(COOKIE)) is not None:
        await in_thread(kb.access.console.end, cookie)
    response = Response(status_code=204)
    end_session(response)
    return response


@router.delete("/v1/sessions", status_code=204)
async def end_sessions(kb: KB, _scope: AdminScope) -> Response:
    """End the sessions of all browsers, and the login link that the server printed at start."""
    await in_thread(kb.access.console.end_all)
    return Response(status_code=204)


@router.get("/v1/session")
async def session(request: Request, kb: KB, caller: CallerDep) -> SessionResponse:
    """The kind of the caller, and the token that writes of a browser session must carry."""
    by_key = "authorization" in request.headers
    cookie = None if by_key else request.cookies.get(COOKIE)
    csrf = None if cookie is None else kb.access.console.csrf(cookie)
    return SessionResponse(kind=caller.kind, csrf=csrf)


async def _signed_in(
    request: Request, kb: KnowledgeBase, token_or_key: str, response: Response
) -> Response:
    address = network_of(request.client.host if request.client else "")
    await in_thread(kb.access.console.check, token_or_key, address)
    cookie = await in_thread(kb.access.console.begin)
    set_session(response, cookie, secure=request.url.scheme == "https")
    return response
