"""Errors as the SDKs of OpenAI read them: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kb.errors import NotFound, Rejected

_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}

_STATUSES = {409: 400, 422: 400}
"""The SDKs ask again after 409, and a repetition would fail the same way."""

_FIELD = re.compile(r"`([\w.\[\]-]{1,100})`[: ]")


class UnknownModel(NotFound):
    """No app or model of this name can be seen with the key."""

    code = "model_not_found"

    def __init__(self, name: str) -> None:
        super().__init__("model", name)
        self.detail += " GET /openai/v1/models lists those that can."


class UnsupportedField(Rejected):
    """The request asks for what this server does not do."""

    code = "unsupported_value"


def envelope(problem: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
    """The status and body for a problem document."""
    status = _STATUSES.get(problem["status"], problem["status"])
    return status, {"error": error_fields(status, problem["code"], problem["detail"])}


def error_fields(status: int, code: str, message: str) -> dict[str, Any]:
    """What stands in `error`, in an answer or in a stream; `param` is the field it names first."""
    usual = "invalid_request_error" if status < 500 else "server_error"
    field = _FIELD.match(message)
    param = field[1] if field else None
    return {"message": message, "type": _TYPES.get(status, usual), "param": param, "code": code}
