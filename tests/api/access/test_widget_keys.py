"""Widget keys: public, and therefore good on their own pages and for their own user only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from kb.access import end_users
from tests.api.serving import Served
from tests.parts import stored

PAGE, OTHER_PAGE = "https://shop.example", "https://elsewhere.example"


@pytest.fixture(scope="module")
def widget(served: Served) -> dict[str, Any]:
    """A widget key of the app `shop`, which answers from one document."""
    served.new_app("shop", dataset_ids=[served.new_dataset("shop", {"a.md": "Alpha is one."})])
    return served.post("/v1/apps/shop/keys", {"kind": "widget", "origins": [PAGE]})


@pytest.fixture
def browser(served: Served, widget: dict[str, Any]) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {widget['key']}", "origin": PAGE}
    with httpx.Client(base_url=served.url, headers=headers, timeout=30) as client:
        yield client


def signed(widget: dict[str, Any], end_user: str, lasts_s: int = 60) -> dict[str, str]:
    token = end_users.sign(widget["signing_secret"], end_user, int(time.time()) + lasts_s)
    return {"x-end-user-token": token}


def ask(client: httpx.Client, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    body = {"query": "What is alpha?", "stream": False, **fields}
    return client.post("/v1/apps/shop/chat", json=body, headers=headers)


def conversations(client: httpx.Client, headers: dict[str, str]) -> list[str]:
    listed = client.get("/v1/conversations", headers=headers).json()["data"]
    return [item["id"] for item in listed]


@pytest.mark.parametrize("origin", [None, OTHER_PAGE, "null", PAGE.upper(), f"{PAGE}:8443"])
def test_a_widget_key_is_good_on_its_own_pages_only(browser: httpx.Client, origin: str | None):
    assert browser.get("/v1/apps").status_code == 200
    del browser.headers["origin"]
    headers = {} if origin is None else {"origin": origin}

    answer = browser.get("/v1/apps", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert "access-control-allow-origin" not in answer.headers


def test_the_servers_own_pages_may_use_it(browser: httpx.Client, served: Served):
    """Browsers leave `Origin` out where a page reads from its own server."""
    del browser.headers["origin"]
    for headers in ({"origin": served.url}, {"referer": f"{served.url}/chat/shop"}):
        assert browser.get("/v1/apps", headers=headers).status_code == 200
    assert browser.get("/v1/apps", headers={"referer": f"{OTHER_PAGE}/chat"}).status_code == 403


@pytest.mark.parametrize("named", ["null", "http://[", "http://a\u2100b".encode(), ""])
@pytest.mark.parametrize("header", ["origin", "referer"])
def test_what_is_no_page_is_not_the_servers_own(browser: httpx.Client, header: str, named: str):
    """Also where a client of HTTP/1.0 names no host."""
    del browser.headers["origin"]
    for host in ({}, {"host": ""}):
        answer = browser.get("/v1/apps", headers={header: named, **host})
        assert answer.status_code in (400, 403), answer.text


def test_a_widget_key_is_shown_again_to_admins_and_lies_sealed(
    served: Served, browser: httpx.Client
):
    made = served.post("/v1/apps/shop/keys", {"kind": "widget", "origins": [PAGE]})
    path = f"/v1/keys/{made['id']}"

    assert served.http.post(f"{path}/reveal").json() == {"key": made["key"]}
    assert browser.post(f"{path}/reveal").status_code == 403
    assert made["key"] not in served.http.get("/v1/keys").text
    secret = made["key"].split("_")[3].encode()
    files = [file for file in served.kb.settings.data_dir.rglob("*") if file.is_file()]
    assert not [file for file in files if secret in file.read_bytes()]

    rotated = served.http.post(f"{path}/rotate", json={}).json()
    assert served.http.post(f"{path}/reveal").json() == {"key": rotated["key"]}
    assert served.http.delete(path).status_code == 204
    assert served.http.post(f"{path}/reveal").status_code == 404


def test_the_key_of_a_program_is_shown_once(served: Served, widget: dict[str, Any]):
    made = served.post("/v1/apps/shop/keys", {"kind": "app"})

    answer = served.http.post(f"/v1/keys/{made['id']}/reveal")

    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "rotate" in answer.json()["detail"]


def test_only_pages_that_a_widget_key_names_may_show_the_chat_in_a_frame(browser: httpx.Client):
    policy = browser.get("/chat/shop").headers["content-security-policy"]
    assert f"frame-ancestors 'self' {PAGE}" in policy
    assert "frame-ancestors 'none'" in browser.get("/console").headers["content-security-policy"]
    assert browser.get("/widget.js").headers["cross-origin-resource-policy"] == "cross-origin"
    script = browser.get("/static/console/console.js")
    assert script.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_page_of_the_widget_may_ask_before_it_asks(browser: httpx.Client):
    preflight = {"access-control-request-method": "POST"}
    answer = httpx.options(
        f"{browser.base_url}/v1/apps/shop/chat", headers={"origin": PAGE, **preflight}
    )

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["vary"] == "Origin"
    assert "POST" in answer.headers["access-control-allow-methods"]
    for header in ("authorization", "content-type", "x-end-user-token", "last-event-id"):
        assert header in answer.headers["access-control-allow-headers"]


@pytest.mark.parametrize("origin", [OTHER_PAGE, "null", f"{PAGE}.evil.example", "*", ""])
def test_no_other_page_may(browser: httpx.Client, origin: str):
    answer = httpx.options(
        f"{browser.base_url}/v1/apps/shop/chat",
        headers={"origin": origin, "access-control-request-method": "POST"},
    )

    assert answer.status_code == 401
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_the_page_can_read_answers_and_errors(served: Served, browser: httpx.Client):
    answered, refused = ask(browser), ask(browser, {"authorization": "Bearer wrong"})

    assert (answered.status_code, refused.status_code) == (200, 401)
    for answer in (answered, refused):
        assert answer.headers["access-control-allow-origin"] == PAGE
        assert "access-control-allow-credentials" not in answer.headers
    assert "x-end-user-token" in answered.headers["access-control-expose-headers"]


def test_a_signed_user_sees_their_own_conversations_and_nobody_elses(
    browser: httpx.Client, widget: dict[str, Any]
):
    ann, bob = signed(widget, "ann"), signed(widget, "bob")
    made = ask(browser, ann).json()

    assert conversations(browser, signed(widget, "ann")) == [made["conversation_id"]]
    assert made["conversation_id"] not in conversations(browser, bob)
    going_on = {"conversation_id": made["conversation_id"]}
    assert ask(browser, bob, **going_on).status_code == 404
    assert ask(browser, ann, **going_on).status_code == 200
    for path in (
        f"/v1/runs/{made['run_id']}",
        f"/v1/runs/{made['run_id']}/events",
        f"/v1/conversations/{made['conversation_id']}/messages",
        f"/v1/messages/{made['message_id']}/sources/1",
    ):
        assert browser.get(path, headers=ann).status_code == 200, path
        assert browser.get(path, headers=bob).status_code == 404, path
    assert browser.post(f"/v1/runs/{made['run_id']}/stop", headers=bob).status_code == 404
    path = f"/v1/conversations/{made['conversation_id']}"
    assert browser.delete(path, headers=bob).status_code == 404


def test_a_widget_cannot_name_another_user_by_a_field(
    browser: httpx.Client, widget: dict[str, Any]
):
    made = ask(browser, signed(widget, "carol")).json()
    dave = signed(widget, "dave")

    assert ask(browser, dave, user="carol", conversation_id=made["conversation_id"]).is_error
    listed = browser.get("/v1/conversations", params={"user": "carol"}, headers=dave).json()
    assert listed["data"] == []


def test_a_visitor_without_a_token_is_somebody_new_who_can_come_back(browser: httpx.Client):
    first = ask(browser)
    came_back = {"x-end-user-token": first.headers["x-end-user-token"]}
    made = first.json()["conversation_id"]

    assert conversations(browser, came_back) == [made]
    assert ask(browser, came_back, conversation_id=made).status_code == 200
    assert "x-end-user-token" not in ask(browser, came_back).headers
    assert conversations(browser, {}) == []
    assert ask(browser, conversation_id=made).status_code == 404


def test_a_token_that_is_not_good_is_no_token_at_all(browser: httpx.Client, widget: dict[str, Any]):
    forged = {"x-end-user-token": end_users.sign("guessed " * 4, "ann", int(time.time()) + 60)}
    for headers in (forged, signed(widget, "ann", lasts_s=0), {"x-end-user-token": ""}):
        answer = ask(browser, headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert "end-user token" in answer.json()["detail"]


def test_users_do_not_meet_under_the_same_idempotency_key(
    browser: httpx.Client, widget: dict[str, Any]
):
    same = {"idempotency-key": "first-question"}
    ann = ask(browser, signed(widget, "ann") | same).json()
    bob = ask(browser, signed(widget, "bob") | same).json()
    again = ask(browser, signed(widget, "ann") | same).json()

    assert ann["run_id"] != bob["run_id"]
    assert ann["run_id"] == again["run_id"]


def test_a_widget_sees_how_its_app_presents_itself_and_nothing_else(
    served: Served, browser: httpx.Client
):
    served.new_app("not-shop")
    assert [app["slug"] for app in browser.get("/v1/apps").json()["data"]] == ["shop"]
    assert "route" not in browser.get("/v1/apps/shop").json()
    assert browser.get("/v1/apps/not-shop").status_code == 404
    for path in ("/v1/keys", "/v1/datasets", "/v1/apps/shop/draft", "/v1/models", "/v1/usage"):
        assert browser.get(path).status_code == 403, path


def test_origins_of_the_app_count_where_a_key_lists_none(served: Served, widget: dict[str, Any]):
    made = served.post("/v1/keys", {"kind": "widget", "app": "shop"})
    client = served.client(made["key"])
    page = {"origin": "http://127.0.0.1:3000"}
    assert client.get("/v1/apps", headers=page).status_code == 403

    access = {"origins": ["http://127.0.0.1:3000"]}
    put = served.http.put("/v1/apps/shop/access", json=access)

    assert put.json()["origins"] == access["origins"]
    assert served.http.get("/v1/apps/shop/access").json() == put.json()
    assert client.get("/v1/apps", headers=page).status_code == 200
    assert client.get("/v1/apps", headers={"origin": PAGE}).status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "shop.example", f"{PAGE}/", f"{PAGE}/x", "ftp://a.example", "https://A.example"],
)
def test_an_origin_is_written_as_browsers_write_it(served: Served, origin: str):
    body = {"kind": "widget", "app": "shop", "origins": [origin]}
    answer = served.http.post("/v1/keys", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_the_port_that_browsers_leave_out_is_left_out(served: Served, widget: dict[str, Any]):
    origins = [f"{PAGE}:443", "http://a.example:80", "http://[::1]:3000"]
    made = served.post("/v1/keys", {"kind": "widget", "app": "shop", "origins": origins})
    assert made["origins"] == [PAGE, "http://a.example", "http://[::1]:3000"]


def test_a_signing_secret_is_shown_once_and_only_to_widgets(served: Served, widget: Any):
    assert widget["signing_secret"].startswith("kbs_")
    listed = served.http.get("/v1/keys", params={"limit": 500})
    one = served.http.get(f"/v1/keys/{widget['id']}")
    assert widget["signing_secret"] not in listed.text + one.text
    assert "signing_secret" not in served.post("/v1/keys", {"kind": "app", "app": "shop"})
    assert widget["signing_secret"].encode() not in stored(served.kb)
