"""Who sits in front of a widget: tokens `{end_user, exp}` that the app's owner signs.

They are JSON Web Tokens (RFC 7519) with HS256, the only algorithm that is taken, so that every
language has a library that makes them. The signature is checked before anything is parsed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from typing import Any

from kb.errors import Unauthenticated

MAX_TOKEN_CHARACTERS = 4096
MAX_NAME_CHARACTERS = 200

_HEADER = {"alg": "HS256", "typ": "JWT"}


def sign(secret: str, end_user: str, expires: int) -> str:
    """A token for an end user, good until `expires` (seconds since 1970)."""
    body = f"{_encoded(_HEADER)}.{_encoded({'end_user': end_user, 'exp': expires})}"
    return f"{body}.{_signature(secret, body)}"


def end_user_of(token: str, secrets: Iterable[str], now_s: float) -> str:
    """The end user whom a token names.

    Args:
        secrets: any of them may have signed it.

    Raises:
        Unauthenticated: it is malformed, has expired or was signed with another secret.
    """
    body, _, signature = token.rpartition(".")
    good = [hmac.compare_digest(_signature(s, body).encode(), signature.encode()) for s in secrets]
    if len(token) > MAX_TOKEN_CHARACTERS or not any(good):
        raise _refused()
    header, _, claims = body.partition(".")
    return _checked(_decoded(header), _decoded(claims), now_s)


def _checked(header: dict[str, Any], claims: dict[str, Any], now_s: float) -> str:
    """What RFC 7515, 4.1 and RFC 7519, 4.1 ask of a reader."""
    name: object = claims.get("end_user")
    expires, begins = _time(claims.get("exp")), _time(claims.get("nbf", 0))
    if header.get("alg") != "HS256" or "crit" in header:
        raise _refused()
    if not begins <= now_s < expires:
        raise _refused()
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_NAME_CHARACTERS:
        raise _refused()
    if not name.isprintable():
        raise _refused()
    return name


def _time(value: Any) -> float:
    if type(value) not in (int, float):
        raise _refused()
    try:
        seconds = float(value)
    except OverflowError as exc:
        raise _refused() from exc
    if not math.isfinite(seconds):
        raise _refused()
    return seconds


def _encoded(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _decoded(part: str) -> dict[str, Any]:
    try:
        value = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError) as exc:
        raise _refused() from exc
    if not isinstance(value, dict):
        raise _refused()
    return value


def _signature(secret: str, body: str) -> str:
    return _base64(hmac.new(secret.encode(), body.encode(), hashlib.sha256).digest())


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _refused() -> Unauthenticated:
    return Unauthenticated(
        "The end-user token is not valid or has expired. Sign a new one with this widget key's "
        "signing secret (HS256, claims `end_user` and `exp`)."
    )
