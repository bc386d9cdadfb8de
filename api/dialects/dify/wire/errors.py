"""Errors as Dify's clients read them: `{code, message, status}`, with Dify's codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.errors import ProtocolError

CODES: Mapping[str, tuple[int, str]] = {
    "budget_exceeded": (400, "provider_quota_exceeded"),
    "conflict": (400, "app_unavailable"),
    "model_unavailable": (400, "completion_request_error"),
    "overloaded": (429, "too_many_requests"),
    "rate_limited": (429, "too_many_requests"),
}
"""What Dify has a code of its own for; the status that its clients expect goes with it."""

_OF_STATUS: Mapping[int, str] = {
    400: "invalid_param",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    413: "file_too_large",
    415: "unsupported_file_type",
    422: "invalid_param",
}


class AppUnavailable(ProtocolError):
    """The key does not say which app it asks, or the app is of another kind."""

    code = "app_unavailable"


class NoSpeech(ProtocolError):
    """Speech is neither understood nor spoken."""

    code = "provider_not_support_speech_to_text"


class NoFiles(ProtocolError):
    """A question cannot come with a file."""

    code = "unsupported_file_type"
    status = 415


class KnowledgeNotFound(ProtocolError):
    """The knowledge that a Dify installation searches is absent, or the key does not open it."""

    code = "knowledge_not_found"
    status = 404


class DatasetNameDuplicate(ProtocolError):
    """Another dataset has the name that a dataset is to have."""

    code = "dataset_name_duplicate"
    status = 409


OWN = {
    error.code
    for error in (AppUnavailable, NoSpeech, NoFiles, KnowledgeNotFound, DatasetNameDuplicate)
}

NUMBERS: Mapping[str, int] = {"unauthorized": 1002, KnowledgeNotFound.code: 2001}
"""What Dify's external knowledge API has a number for. 1001, a malformed header, is not told from a
wrong key: both answer alike (`kb.errors.Unauthenticated`)."""


def envelope(problem: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
    """The status and body for a problem document."""
    return error_fields(problem["status"], problem["code"], problem["detail"])


def error_fields(status: int, code: str, message: str) -> tuple[int, dict[str, Any]]:
    """What is said of an error, in an answer or in a stream."""
    if code not in OWN:
        usual = "invalid_param" if status < 500 else "internal_server_error"
        status, code = CODES.get(code, (status, _OF_STATUS.get(status, usual)))
    status = 400 if status == 422 else status
    said = {"code": code, "message": message, "status": status}
    if code in NUMBERS:
        said |= {"error_code": NUMBERS[code], "error_msg": message}
    return status, said
