"""From domain errors to `application/problem+json`.

Domain errors know no HTTP: `STATUSES` gives a family its status, and the nearest ancestor counts.
An unknown exception is answered by one constant sentence; what it says stays in the log.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, ClassVar, get_args

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response
from starlette.types import Scope

from kb import errors
from kb.errors import KnowledgeBaseError, Rejected
from kb.telemetry.metrics import FAILURES
from kb.types import Failure

MEDIA_TYPE = "application/problem+json"

STATUSES: Mapping[type[KnowledgeBaseError], int] = {
    errors.KnowledgeBaseError: 500,
    errors.NotFound: 404,
    errors.Unauthenticated: 401,
    errors.NotAllowed: 403,
    errors.RateLimited: 429,
    errors.Rejected: 400,
    errors.UnsupportedMedia: 415,
    errors.TooLarge: 413,
    errors.UnreadableFile: 422,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.Unavailable: 503,
    errors.StorageFull: 507,
    errors.StorageFailed: 503,
    errors.StorageUnavailable: 503,
    errors.DatabaseUnavailable: 503,
}

CODES: Mapping[int, str] = {
    400: "invalid_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "request_timeout",
    413: "too_large",
    415: "unsupported_media_type",
    503: "overloaded",
}

_PHRASES: Mapping[int, str] = {460: "Checksum Mismatch"}
"""Statuses that are not standard ones."""

_SERVED = ("kb", "ingest", "api")
"""The packages whose errors a server can answer with."""

_PROGRAMS = ("/v1/", "/openai/", "/dify/", "/ai/", "/mcp", "/metrics")
"""Where programs ask: they get JSON, whatever they accept."""

NOT_FOUND_PAGE = Path(__file__).parent / "web" / "console.html"
"""Its script says that there is no such page, with the way back beside it."""

INTERNAL_DETAIL = "Something went wrong on our side. The log has the details under the request id."
RETRY_AFTER_S = "1"


class ProtocolError(KnowledgeBaseError):
    """An error that a foreign protocol gives a status of its own, and perhaps headers."""

    status = 400
    headers: ClassVar[Mapping[str, str]] = {}


class AnswerFailed(KnowledgeBaseError):
    """A run whose answer was waited for ended without one; code and detail are the run's."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail)
        self.code = failure.code

    @classmethod
    def cancelled(cls, reason: str) -> AnswerFailed:
        """What is said of an answer that was stopped."""
        return cls(Failure("cancelled", f"The answer was stopped ({reason})."))


class AllRejected(Rejected):
    """Not one file of an upload was accepted; `members` are what would have been sent otherwise."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        first = answer["rejected"][0]
        super().__init__(f"No file was accepted. {first['name']}: {first['detail']}")
        codes = {item["code"] for item in answer["rejected"]}
        self.code = codes.pop() if len(codes) == 1 else Rejected.code
        self.members = answer


def status_of(error: KnowledgeBaseError) -> int:
    """The HTTP status of a domain error."""
    if isinstance(error, AnswerFailed):
        return status_of_code(error.code)
    return _status_of(type(error))


def status_of_code(code: str) -> int:
    """The HTTP status of a stored failure, of which only the code is left."""
    return known_codes().get(code, (500, ""))[0]


def known_codes() -> dict[str, tuple[int, str]]:
    """Every code that a problem may have, with its status and what it means."""
    families = [errors.KnowledgeBaseError]
    for family in families:
        families.extend(family.__subclasses__())
    found = {"cancelled": (409, "The answer was stopped.")}
    for family in families:
        if family.__module__.split(".")[0] in _SERVED:
            meaning = (family.__doc__ or "").partition("\n")[0]
            found.setdefault(family.code, (_status_of(family), meaning))
    for reason in get_args(errors.UnreadableReason):
        found.setdefault(reason, found[errors.UnreadableFile.code])
    for status, code in CODES.items():
        found.setdefault(code, (status, _ROUTER_DETAILS.get(status, HTTPStatus(status).phrase)))
    return found


def _status_of(family: type[KnowledgeBaseError]) -> int:
    if issubclass(family, ProtocolError):
        return family.status
    return next(STATUSES[base] for base in family.__mro__ if base in STATUSES)


def problem(
    status: int,
    code: str,
    detail: str,
    request_id: str,
    *,
    headers: Mapping[str, str] | None = None,
    members: Mapping[str, Any] | None = None,
) -> Response:
    """One error as RFC 9457 wants it; `members` are added to the document."""
    FAILURES.labels("request", code).inc()
    body = {**problem_fields(status, code, detail, request_id), **(members or {})}
    extra = {"retry-after": RETRY_AFTER_S} if status in (429, 503) else {}
    if status == 401:
        extra["www-authenticate"] = "Bearer"
    return Response(json.dumps(body), status, {**extra, **(headers or {})}, MEDIA_TYPE)


def problem_fields(status: int, code: str, detail: str, request_id: str) -> dict[str, Any]:
    """What every problem document says."""
    return {
        "type": "about:blank",
        "title": _PHRASES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
        "request_id": request_id,
    }


def problem_of(error: KnowledgeBaseError, request_id: str) -> Response:
    """A domain error as a response."""
    headers = error.headers if isinstance(error, ProtocolError) else None
    if isinstance(error, errors.RateLimited):
        headers = {"retry-after": str(error.retry_after_s)}
    said = (status_of(error), error.code, error.detail, request_id)
    return problem(*said, headers=headers, members=error.members)


def is_page(scope: Scope) -> bool:
    """Whether a person's browser asks for a page, and not a program for an answer."""
    if scope["method"] not in ("GET", "HEAD") or scope["path"].startswith(_PROGRAMS):
        return False
    return "text/html" in Headers(scope=scope).get("accept", "")


def install(app: FastAPI) -> None:
    """Make every error of an application a problem document."""
    app.add_exception_handler(KnowledgeBaseError, _on_domain_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)


def request_id_of(request: Request) -> str:
    """The id that the middleware gave this request."""
    return str(request.scope.get("kb.request_id", ""))


async def _on_domain_error(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, KnowledgeBaseError)
    return problem_of(exc, request_id_of(request))


async def _on_invalid_request(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, RequestValidationError)
    detail = " ".join(sentence(item) for item in exc.errors()[:5])
    return problem(400, "invalid_request", detail, request_id_of(request))


async def _on_http_exception(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, HTTPException)
    status = exc.status_code
    if status == 404 and is_page(request.scope):
        return FileResponse(NOT_FOUND_PAGE, status)
    code = CODES.get(status, "internal_error" if status >= 500 else "invalid_request")
    detail = _ROUTER_DETAILS.get(status, str(exc.detail))
    return problem(status, code, detail, request_id_of(request), headers=exc.headers)


async def _on_disconnect(request: Request, exc: Exception) -> Response:
    return problem(400, "invalid_request", "The upload was broken off.", request_id_of(request))


_ROUTER_DETAILS = {
    404: "There is nothing at this address. The endpoints are listed in /openapi.json.",
    405: "This address does not take that method. The `Allow` header names those it takes.",
}

_NO_OBJECT = (
    "The body is not a JSON object. Send one, with the header `Content-Type: application/json`."
)


def sentence(item: Mapping[str, Any]) -> str:
    """Names the field and what is wrong with it; never repeats the value, which may be secret."""
    where = _field(item.get("loc", ()))
    if item.get("type") == "json_invalid":
        return "The body is not valid JSON."
    if item.get("type") == "extra_forbidden":
        return f"`{where}` is not a known field; check its spelling."
    if item.get("type") == "model_attributes_type":
        return _NO_OBJECT if where == "body" else f"`{where}`: must be a JSON object."
    reason = str(item.get("msg", "is not valid")).removeprefix("Value error, ")
    if item.get("type") in ("too_long", "too_short") and item["ctx"]["field_type"] == "Value":
        reason = reason.replace("item", "character")  # only texts are measured as a "value"
    return f"`{where}`: {reason}."


def _field(location: Sequence[Any]) -> str:
    if len(location) > 1 and location[0] in ("body", "query", "path", "header"):
        location = location[1:]
    # Of a field that takes several types, pydantic names the one that was tried, in brackets.
    return ".".join(part for part in map(str, location) if "[" not in part)
