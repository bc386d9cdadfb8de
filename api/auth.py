"""Who is calling, settled before routing: what is not listed as open needs a key or a session.

A bearer key goes before a cookie. With the cookie, every unsafe method must carry the session's
CSRF token, because a browser sends cookies along by itself.
"""

from __future__ import annotations

import hmac
from urllib.parse import quote

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import is_page, problem_of
from api.threads import in_thread
from kb.access import ADMIN, Access, Caller
from kb.errors import KnowledgeBaseError, NotAllowed, RateLimited, Unauthenticated

COOKIE = "kb_session"
CSRF_HEADER = "x-csrf-token"
END_USER_HEADER = "x-end-user-token"
LABELS_HEADER = "x-end-user-labels"

OPEN_PATHS = frozenset(
    {"/healthz", "/readyz", "/login", "/favicon.ico", "/openapi.json", "/docs", "/widget.js"}
)
OPEN_PREFIXES = ("/static/", "/.well-known/", "/chat/")
METRICS = "/metrics"
"""All that a key of that kind may read: it lies in the configuration of another program."""
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Authentication:
    """Puts the caller into `scope["kb.caller"]`, or answers 401 (a page: the way to the login)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            caller = (await identify(connection)).narrowed(connection.headers.get(LABELS_HEADER))
            scope["kb.caller"] = caller  # also of a request that is refused now: the log names it
            if caller.kind == "metrics" and scope["path"] != METRICS:
                raise NotAllowed(f"A key of kind 'metrics' reads {METRICS} and nothing else.")
            await connection.scope["state"]["kb"].access.admit(caller)
        except (Unauthenticated, NotAllowed, RateLimited) as exc:
            await _refusal(scope, exc)(scope, receive, send)
            return
        await self._app(scope, receive, _with_end_user_token(caller, send))


async def identify(connection: HTTPConnection) -> Caller:
    """The caller behind a request.

    Raises:
        Unauthenticated: there is no good key and no good session.
        NotAllowed: a session wants to change something without its CSRF token, or a widget key
            is used on a page of another origin.
    """
    access: Access = connection.scope["state"]["kb"].access
    header = connection.headers.get("authorization")
    if header is not None:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated
        if access.is_admin_key(token):  # without a hop into a thread: nothing is read
            return ADMIN
        origin = _origin(connection)
        host = (origin or "").partition("://")[2]
        return await in_thread(
            access.authenticate,
            token,
            origin=origin,
            is_own_page=bool(host) and host == connection.headers.get("host"),
            end_user=connection.headers.get(END_USER_HEADER),
        )
    cookie = connection.cookies.get(COOKIE)
    if cookie is None or not await access.has_session(cookie):
        raise Unauthenticated
    if connection.scope["method"] not in _SAFE_METHODS:
        token = connection.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(access.console.csrf(cookie).encode(), token.encode()):
            raise NotAllowed(f"This session needs its token in the header `{CSRF_HEADER}`.")
    return ADMIN


def set_session(response: Response, cookie: str, *, secure: bool) -> None:
    """Sign a browser in."""
    response.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", secure=secure)


def end_session(response: Response) -> None:
    """Sign a browser out."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")


def is_open(path: str) -> bool:
    """Whether an address needs neither a key nor a session."""
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIXES)


def _origin(connection: HTTPConnection) -> str | None:
    """The origin of the page that asks; browsers leave it out where a page reads from its own."""
    named = connection.headers.get("origin")
    if named is not None or "referer" not in connection.headers:
        return named
    scheme, _, rest = connection.headers["referer"].partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _with_end_user_token(caller: Caller, send: Send) -> Send:
    """Hand a new end user the token to come back with."""
    token = caller.end_user_token
    if token is None:
        return send

    async def send_marked(message: Message) -> None:
        if message["type"] == "http.response.start" and message["status"] < 400:
            MutableHeaders(scope=message)[END_USER_HEADER] = token
        await send(message)

    return send_marked


def _refusal(scope: Scope, error: KnowledgeBaseError) -> Response:
    if isinstance(error, Unauthenticated) and (scope["path"] == "/" or is_page(scope)):
        return RedirectResponse(f"/login{_way_back(scope)}", status_code=303)
    return problem_of(error, scope["kb.request_id"])


def _way_back(scope: Scope) -> str:
    """What brings a person to the page that was asked for, once signed in."""
    query = scope["query_string"].decode("ascii", "replace")
    asked = f"{scope['path']}?{query}" if query else scope["path"]
    return "" if asked == "/" else f"?next={quote(asked, safe='')}"
