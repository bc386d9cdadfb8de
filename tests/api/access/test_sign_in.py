"""Signing in to the console: the login link, the admin key, the session and its token."""

from __future__ import annotations

import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from kb.settings import ServerSettings
from tests.api.serving import Served, serving


def test_the_login_link_signs_a_browser_in(served: Served):
    with httpx.Client(base_url=served.url) as browser:
        link = f"/login?token={served.kb.access.console.login_token}"
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


def test_a_cookie_is_no_good_after_signing_out_and_other_sessions_are(served: Served):
    cookies = []
    for _ in range(2):
        signed_in = httpx.post(f"{served.url}/login", json={"key": served.kb.access.admin_key})
        cookies.append(signed_in.headers["set-cookie"].partition(";")[0])
    session = f"{served.url}/v1/session"
    csrf = httpx.get(session, headers={"cookie": cookies[0]}).json()["csrf"]
    out = {"cookie": cookies[0], "x-csrf-token": csrf}
    assert httpx.post(f"{served.url}/logout", headers=out).status_code == 204

    assert httpx.get(session, headers={"cookie": cookies[0]}).status_code == 401
    assert httpx.post(f"{served.url}/logout", headers=out).status_code == 401
    assert httpx.get(session, headers={"cookie": cookies[1]}).status_code == 200


def test_an_operator_ends_all_sessions_and_the_login_link(served: Served):
    link = f"{served.url}/login?token={served.kb.access.console.login_token}"
    cookie = httpx.get(link).headers["set-cookie"].partition(";")[0]
    app_key = served.with_new_key(kind="dataset", dataset_ids=[served.new_dataset("theirs")])
    assert app_key.delete("/v1/sessions").status_code == 403
    assert served.http.delete("/v1/sessions").status_code == 204

    assert httpx.get(f"{served.url}/v1/session", headers={"cookie": cookie}).status_code == 401
    assert "set-cookie" not in httpx.get(link).headers
    again = f"{served.url}/login?token={served.kb.access.console.login_token}"
    assert "set-cookie" in httpx.get(again).headers


def test_wrong_keys_cost_their_address_a_pause_and_nobody_else(tmp_path: Path):
    proxies = ServerSettings(trusted_proxies="127.0.0.0/8")
    with serving(tmp_path / "data", server=proxies) as served:
        key = served.kb.access.admin_key

        def sign_in(key: str, address: str) -> httpx.Response:
            said = {
                "x-forwarded-for": f"198.51.100.7, {address}"
            }  # the first one says what it likes
            return httpx.post(f"{served.url}/login", json={"key": key}, headers=said)

        answers = [sign_in("wrong", "192.0.2.1").status_code for _ in range(7)]
        assert answers == [401] * 6 + [429]
        refused = sign_in(key, "192.0.2.1")
        assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
        assert int(refused.headers["retry-after"]) in (1, 2)
        assert sign_in(key, "192.0.2.2").status_code == 204
        assert served.http.get("/v1/session").status_code == 200  # keys are not slowed down
        network = [sign_in("wrong", f"2001:db8::{n}").status_code for n in range(7)]
        assert network[-1] == 429
        threading.Event().wait(2.1)
        assert sign_in(key, "192.0.2.1").status_code == 204


def test_what_a_client_says_of_its_address_is_not_believed(served: Served):
    answers = [
        httpx.post(
            f"{served.url}/login",
            json={"key": "wrong"},
            headers={"x-forwarded-for": f"192.0.2.{n}"},
        ).status_code
        for n in range(7)
    ]
    assert answers[-1] == 429
    served.kb.access.console.tries.forget("127.0.0.1")
