"""The description of the API at `/openapi.json`: what FastAPI derives, and what holds everywhere.

Every operation may answer with a problem document, whatever its status; 422 is not among them,
because what fails validation is answered 400.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from api.errors import MEDIA_TYPE

OPEN = frozenset({("/healthz", "get"), ("/readyz", "get"), ("/login", "post")})
"""What needs no key."""

_TEXT = {"type": "string"}
_PROBLEM = {
    "title": "Problem",
    "description": "An error (RFC 9457). `code` is stable; `detail` says what to do.",
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "code": _TEXT,
        "detail": _TEXT,
        "request_id": _TEXT,
    },
}
_ANY_PROBLEM = {
    "description": "A problem",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


class DescribedApi(FastAPI):
    """An application that describes its errors and keys with its operations."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document; made once."""
        if self.openapi_schema is None:
            self.openapi_schema = _completed(super().openapi())
        return self.openapi_schema


def _completed(described: dict[str, Any]) -> dict[str, Any]:
    parts = described["components"]
    for unused in ("HTTPValidationError", "ValidationError"):
        parts["schemas"].pop(unused, None)
    parts["schemas"]["Problem"] = _PROBLEM
    parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    for path, items in described["paths"].items():
        for method, operation in items.items():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = _ANY_PROBLEM
            operation["security"] = [] if (path, method) in OPEN else [{"key": []}]
    return described
