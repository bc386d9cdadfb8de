"""Signing in to the console: the login link, the admin key, the session and its token."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx

from tests.api.serving import Served


def test_the_login_link_signs_a_browser_in(served: Served):
    with httpx.Client(base_url=served.url) as browser:
        link = f"/login?token={served.kb.access.login_token()}"
        answer = browser.get(link)

        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        flags = answer.headers["set-cookie"].lower()
        assert "httponly" in flags
        assert "samesite=strict" in flags
        session = browser.get("/v1/session").json()
        assert session["kind"] == "admin"
        assert browser.get("/v1/datasets").status_code == 200
        assert browser.get("/").status_code == 200
    refused = httpx.get(f"{served.url}/login?token=wrong")
    assert "set-cookie" not in refused.headers


def test_a_session_needs_its_token_to_change_anything(served: Served):
    with httpx.Client(base_url=served.url) as browser:
        signed_in = browser.post("/login", json={"key": served.kb.access.admin_key})
        assert signed_in.status_code == 204
        csrf = browser.get("/v1/session").json()["csrf"]
        body = {"name": "by a browser"}

        assert browser.post("/v1/datasets", json=body).status_code == 403
        wrong = {"x-csrf-token": "0" * len(csrf)}
        assert browser.post("/v1/datasets", json=body, headers=wrong).status_code == 403
        right = {"x-csrf-token": csrf}
        assert browser.post("/v1/datasets", json=body, headers=right).status_code == 201
        assert browser.post("/logout", headers=right).status_code == 204
        assert browser.get("/v1/datasets").status_code == 401
    assert httpx.post(f"{served.url}/login", json={"key": "wrong"}).status_code == 401


def test_a_key_goes_before_a_cookie(served: Served):
    served.new_app("my-app")
    made = served.post("/v1/keys", {"kind": "app", "app": "my-app"})
    with httpx.Client(base_url=served.url) as browser:
        browser.post("/login", json={"key": served.kb.access.admin_key})
        bearer = {"authorization": f"Bearer {made['key']}"}

        assert browser.get("/v1/session", headers=bearer).json() == {"kind": "app", "csrf": None}
        assert browser.get("/v1/datasets", headers=bearer).status_code == 403


def test_a_login_link_of_an_earlier_start_leads_to_the_sign_in_page_that_says_so(
    served: Served,
) -> None:
    answer = httpx.get(f"{served.url}/login?token=of-an-earlier-start", follow_redirects=True)

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.url.params["stale"] == "1"
    assert "set-cookie" not in answer.headers


def test_the_sign_in_page_knows_the_way_back_to_the_conversation_that_was_asked_for(
    served: Served,
) -> None:
    answer = httpx.get(f"{served.url}/?app=demo&c=conv_1")

    place = urlsplit(answer.headers["location"])
    assert (answer.status_code, place.path) == (303, "/login")
    assert parse_qs(place.query)["next"] == ["/?app=demo&c=conv_1"]
