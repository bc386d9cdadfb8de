"""Tokens of end users: only what the owner of the app has signed, and only until it expires."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest

from kb.access import end_users
from kb.errors import Unauthenticated

SECRET, NOW_S = "kbs_" + "5ec8e7" * 10, 1_000


def made(claims: object, header: object = None, secret: str = SECRET) -> str:
    """A token put together by hand, as any JWT library does it."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    body = f"{part(header or {'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}"
    digest = hmac.new(secret.encode(), body.encode(), hashlib.sha256).digest()
    return f"{body}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def is_refused(token: str, *secrets: str) -> bool:
    try:
        end_users.end_user_of(token, secrets or (SECRET,), NOW_S)
    except Unauthenticated as exc:
        return "end-user token" in exc.detail
    return False


def test_a_signed_token_names_its_end_user_until_it_expires():
    token = end_users.sign(SECRET, "ann", NOW_S + 1)

    assert end_users.end_user_of(token, [SECRET], NOW_S)[0] == "ann"
    assert end_users.end_user_of(token, ["kbs_" + "07" * 30, SECRET], NOW_S)[0] == "ann"
    with pytest.raises(Unauthenticated):
        end_users.end_user_of(token, [SECRET], NOW_S + 1)


def test_a_token_of_any_jwt_library_is_taken():
    claims = {"iat": 1, "sub": "x", "end_user": "Zoë 王", "exp": NOW_S + 0.5, "nbf": NOW_S}
    assert end_users.end_user_of(made(claims), [SECRET], NOW_S)[0] == "Zoë 王"


@pytest.mark.parametrize(
    "claims",
    [
        {"end_user": "ann"},
        {"exp": 2_000},
        {"end_user": "", "exp": 2_000},
        {"end_user": "a" * 201, "exp": 2_000},
        {"end_user": 7, "exp": 2_000},
        {"end_user": "a\0b", "exp": 2_000},
        {"end_user": "\ud800", "exp": 2_000},
        {"end_user": "ann", "exp": "2000"},
        {"end_user": "ann", "exp": True},
        {"end_user": "ann", "exp": 10**400},
        {"end_user": "ann", "exp": float("nan")},
        {"end_user": "ann", "exp": NOW_S},
        {"end_user": "ann", "exp": 2_000, "nbf": NOW_S + 1},
        ["ann", 2_000],
    ],
)
def test_claims_that_name_nobody_or_no_end_are_refused(claims: object):
    assert is_refused(made(claims))


@pytest.mark.parametrize(
    "header", [{"alg": "none"}, {"alg": "hs256"}, {"alg": "HS512"}, {"alg": "HS256", "crit": ["x"]}]
)
def test_no_other_algorithm_and_no_extension_is_taken(header: object):
    assert is_refused(made({"end_user": "ann", "exp": 2_000}, header))


def test_what_is_not_signed_with_the_secret_is_refused():
    good = end_users.sign(SECRET, "ann", 2_000)
    header, claims, signature = good.split(".")
    unsigned = f"{header}.{claims}."
    for wrong in ("", ".", "..", "a.b.c", unsigned, f"{claims}.{header}.{signature}", good + "="):
        assert is_refused(wrong), wrong
    assert is_refused(good, "kbs_" + "07" * 30)
    assert is_refused(made({"end_user": "ann", "exp": 2_000, "x": "y" * 5_000}))
    assert is_refused("é.ü.ß")
