"""Who sits in front of a widget: tokens `{end_user, exp, labels}` that the app's owner signs.

They are JSON Web Tokens (RFC 7519) with HS256, the only algorithm that is taken, so that every
language has a library that makes them. The signature is checked before any claim is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Annotated

import jwt
from pydantic import BaseModel, Field, FiniteFloat, ValidationError

from kb.errors import Unauthenticated

MAX_TOKEN_CHARACTERS = 4096
MAX_NAME_CHARACTERS = 200

_JWS = jwt.PyJWS()


class _Claims(BaseModel, strict=True):
    """What RFC 7519, 4.1 asks of a reader; other claims are for others."""

    end_user: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS)]
    exp: FiniteFloat
    nbf: FiniteFloat = 0
    labels: list[str] = []


def sign(secret: str, end_user: str, expires: int, labels: Iterable[str] = ()) -> str:
    """A token for an end user, good until `expires` (seconds since 1970)."""
    claims = {"end_user": end_user, "exp": expires, "labels": sorted(labels)}
    return jwt.encode(claims, secret, "HS256")


def end_user_of(token: str, secrets: Iterable[str], now_s: float) -> tuple[str, frozenset[str]]:
    """The end user whom a token names, and the labels that it gives them.

    Args:
        secrets: any of them may have signed it.

    Raises:
        Unauthenticated: it is malformed, has expired or was signed with another secret.
    """
    claims = None
    if len(token) <= MAX_TOKEN_CHARACTERS:
        for secret in secrets:
            with suppress(jwt.InvalidTokenError, ValidationError):
                payload = _JWS.decode(token, secret, algorithms=["HS256"])
                claims = _Claims.model_validate_json(payload)
    if claims and claims.nbf <= now_s < claims.exp and claims.end_user.isprintable():
        return claims.end_user, frozenset(claims.labels)
    raise Unauthenticated(
        "The end-user token is not valid or has expired. Sign a new one with this widget key's "
        "signing secret (HS256, claims `end_user` and `exp`)."
    )
