"""Nothing is open without a key but health and the login page, and no key sees another's things."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import httpx
import pytest

from kb.version import version
from tests.api.operations import OPEN, address, operations
from tests.api.serving import Served
from tests.parts import stored

NOBODYS = defaultdict(lambda: "unknown")
"""Fills every parameter: without a key nobody gets as far as to look at it."""


@pytest.mark.parametrize("authorization", [None, "Bearer", "Bearer kbk_live_x", "Basic YTpi"])
def test_every_operation_refuses_a_request_without_a_good_key(
    served: Served, authorization: str | None
):
    client = served.client(None)
    if authorization is not None:
        client.headers["authorization"] = authorization
    for operation in operations():
        if operation.name in OPEN:
            continue
        answer = client.request(operation.method, address(operation, NOBODYS))

        assert answer.status_code == 401, operation
        assert operation.method == "head" or answer.json()["code"] == "unauthenticated"
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/metrics", "/redoc", "/v1/none", "/x"])
def test_what_is_not_an_operation_needs_a_key_too(served: Served, path: str):
    assert httpx.get(served.url + path).status_code == 401


def test_the_description_and_its_page_are_open(served: Served):
    described = httpx.get(served.url + "/openapi.json", timeout=60)
    page = httpx.get(served.url + "/docs")

    assert described.json()["info"]["version"] == version()
    assert page.headers["content-type"].startswith("text/html")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert httpx.get(served.url + "/static/reference.js").status_code == 200


def test_health_and_the_login_page_are_open(served: Served):
    assert httpx.get(served.url + "/healthz").json() == {"status": "ok", "version": version()}
    ready = httpx.get(served.url + "/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ready")
    assert httpx.get(served.url + "/login").headers["content-type"].startswith("text/html")


def test_a_page_without_a_session_leads_to_the_login(served: Served):
    answer = httpx.get(served.url + "/")

    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_a_revoked_key_is_unknown_at_once(served: Served):
    made = served.post("/v1/keys", {"kind": "admin"})
    client = served.client(made["key"])
    assert client.get("/v1/datasets").status_code == 200

    assert served.http.delete(f"/v1/keys/{made['id']}").status_code == 204

    assert client.get("/v1/datasets").status_code == 401
    assert served.http.delete(f"/v1/keys/{made['id']}").status_code == 404


def test_a_secret_is_shown_once_and_kept_nowhere(served: Served):
    made = served.post("/v1/keys", {"kind": "admin", "name": "once"})

    listed = served.http.get("/v1/keys", params={"limit": 500})
    assert made["id"] in {item["id"] for item in listed.json()["data"]}
    assert made["key"] not in listed.text
    assert made["key"].encode() not in stored(served.kb)


def test_a_key_names_what_it_opens(served: Served):
    bad: list[dict[str, Any]] = [
        {"kind": "dataset"},
        {"kind": "app"},
        {"kind": "admin", "app": "x"},
        {"kind": "widget"},
        {"kind": "admin", "nme": "typo"},
    ]
    for body in bad:
        answer = served.http.post("/v1/keys", json=body)
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    unknown = served.http.post("/v1/keys", json={"kind": "app", "app": "nobody"})
    assert unknown.status_code == 404


@pytest.fixture(scope="module")
def two(served: Served) -> dict[str, Any]:
    """Two datasets with a document each, two apps, and keys to the first of each."""
    mine = served.new_dataset("mine", {"a.md": "Mine is alpha."})
    theirs = served.new_dataset("theirs", {"b.md": "Theirs is beta."})
    documents = served.http.get(f"/v1/datasets/{theirs}/documents").json()["data"]
    served.new_app("my-app", dataset_ids=[mine])
    served.new_app("their-app", dataset_ids=[theirs])
    asked = served.http.post("/v1/apps/their-app/chat", json={"query": "beta?", "stream": False})
    return {
        "mine": mine,
        "theirs": theirs,
        "document": documents[0]["id"],
        "batch": documents[0]["batch_id"],
        "answer": asked.json(),
        "dataset_key": served.with_new_key(kind="dataset", dataset_ids=[mine]),
        "app_key": served.with_new_key(kind="app", app="my-app"),
    }


def test_a_dataset_key_reads_and_fills_its_dataset_and_sees_no_other(two: dict[str, Any]):
    client, mine = two["dataset_key"], two["mine"]

    assert [item["id"] for item in client.get("/v1/datasets").json()["data"]] == [mine]
    assert client.get(f"/v1/datasets/{mine}").status_code == 200
    found = client.post(f"/v1/datasets/{mine}/search", json={"query": "alpha"})
    assert found.json()["hits"][0]["document_name"] == "a.md"
    put = client.put(f"/v1/datasets/{mine}/documents/by-name/c.md", content=b"Gamma.")
    assert put.status_code == 202


def test_somebody_elses_object_answers_exactly_like_an_absent_one(two: dict[str, Any]):
    client = two["dataset_key"]
    for path, mine in [
        ("/v1/datasets/{}", two["theirs"]),
        ("/v1/datasets/{}/documents", two["theirs"]),
        ("/v1/documents/{}", two["document"]),
        ("/v1/documents/{}/chunks", two["document"]),
        ("/v1/documents/{}/pages", two["document"]),
        ("/v1/documents/{}/original", two["document"]),
        ("/v1/batches/{}", two["batch"]),
        ("/v1/batches/{}/events", two["batch"]),
    ]:
        theirs, absent = client.get(path.format(mine)), client.get(path.format("absent"))
        assert (theirs.status_code, absent.status_code) == (404, 404), path
        assert theirs.json()["detail"] == absent.json()["detail"].replace("absent", mine)
    assert client.delete(f"/v1/documents/{two['document']}").status_code == 404
    assert client.post(f"/v1/documents/{two['document']}/retry").status_code == 404
    upload = client.post(f"/v1/datasets/{two['theirs']}/documents", files={"f": ("x.md", b"x")})
    assert upload.status_code == 404
    query = {"query": "beta"}
    assert client.post(f"/v1/datasets/{two['theirs']}/search", json=query).status_code == 404


def test_an_app_key_chats_with_its_app_and_sees_no_other(two: dict[str, Any]):
    client = two["app_key"]

    assert [item["slug"] for item in client.get("/v1/apps").json()["data"]] == ["my-app"]
    assert "route" not in client.get("/v1/apps/my-app").json()
    asked = client.post("/v1/apps/my-app/chat", json={"query": "alpha?", "stream": False})
    assert asked.status_code == 200
    assert client.get("/v1/apps/their-app").status_code == 404
    theirs = two["answer"]
    for path in (
        f"/v1/runs/{theirs['run_id']}",
        f"/v1/runs/{theirs['run_id']}/events",
        f"/v1/messages/{theirs['message_id']}/sources/1",
        f"/v1/conversations/{theirs['conversation_id']}/messages",
        "/v1/conversations?app=their-app",
    ):
        assert client.get(path).status_code == 404, path
    assert client.post(f"/v1/runs/{theirs['run_id']}/stop").status_code == 404
    assert client.delete(f"/v1/conversations/{theirs['conversation_id']}").status_code == 404
    ask = {"query": "beta?", "stream": False}
    assert client.post("/v1/apps/their-app/chat", json=ask).status_code == 404
    ask["conversation_id"] = theirs["conversation_id"]
    assert client.post("/v1/apps/my-app/chat", json=ask).status_code == 404


def test_an_app_key_reads_the_passages_of_its_answers_though_it_opens_no_dataset(
    two: dict[str, Any],
):
    client = two["app_key"]
    ask = {"query": "What is alpha?", "stream": False}
    message = client.post("/v1/apps/my-app/chat", json=ask).json()["message_id"]

    passage = client.get(f"/v1/messages/{message}/sources/1").json()

    assert passage["text"] == "Mine is alpha."
    assert client.get(f"/v1/messages/{message}/sources/99").status_code == 404


ADMIN_ONLY = [
    ("POST", "/v1/datasets", {"name": "no"}),
    ("PATCH", "/v1/datasets/{mine}", {"name": "no"}),
    ("DELETE", "/v1/datasets/{mine}", None),
    ("POST", "/v1/keys", {"kind": "admin"}),
    ("GET", "/v1/keys", None),
    ("DELETE", "/v1/keys/x", None),
    ("POST", "/v1/models", {"name": "m", "model": "m"}),
    ("GET", "/v1/models", None),
    ("GET", "/v1/models/providers", None),
    ("GET", "/v1/models/discover", None),
    ("GET", "/v1/models/default", None),
    ("PUT", "/v1/models/default", {"name": None}),
    ("POST", "/v1/apps", {"slug": "no", "name": "no"}),
    ("PATCH", "/v1/apps/my-app", {"name": "no"}),
    ("DELETE", "/v1/apps/my-app", None),
    ("GET", "/v1/apps/my-app/draft", None),
    ("PUT", "/v1/apps/my-app/draft", {}),
    ("POST", "/v1/apps/my-app/publish", None),
    ("GET", "/v1/apps/my-app/versions", None),
    ("GET", "/v1/apps/my-app/versions/1", None),
    ("GET", "/v1/apps/my-app/versions/compare?from=1", None),
    ("POST", "/v1/apps/my-app/rollback", {"version": 1}),
    ("GET", "/v1/apps/my-app/feedback", None),
    ("GET", "/v1/apps/my-app/annotations", None),
    ("POST", "/v1/apps/my-app/annotations", {"question": "x", "answer": "y"}),
    ("DELETE", "/v1/apps/my-app/annotations", None),
    ("POST", "/v1/messages/x/replay", {"version": 1}),
    ("GET", "/v1/messages/x/replays", None),
    ("GET", "/v1/apps/my-app/route", None),
    ("PUT", "/v1/apps/my-app/route", {"mode": "base"}),
    ("POST", "/v1/apps/my-app/keys", {}),
    ("POST", "/v1/keys/x/rotate", {}),
    ("POST", "/v1/keys/x/reveal", {}),
    ("GET", "/v1/apps/my-app/access", None),
    ("PUT", "/v1/apps/my-app/access", {}),
    ("GET", "/v1/usage", None),
    ("GET", "/v1/apps/my-app/keys", None),
    ("GET", "/metrics", None),
    ("POST", "/v1/fsck", None),
]


@pytest.mark.parametrize("kind", ["dataset_key", "app_key"])
@pytest.mark.parametrize(("method", "path", "body"), ADMIN_ONLY)
def test_what_is_for_admins_is_forbidden_to_other_kinds(
    two: dict[str, Any], kind: str, method: str, path: str, body: Any
):
    answer = two[kind].request(method, path.format(**two), json=body)

    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_an_app_key_may_not_use_datasets_and_a_dataset_key_may_not_chat(two: dict[str, Any]):
    mine = two["mine"]
    for path in (f"/v1/datasets/{mine}", "/v1/datasets", f"/v1/documents/{two['document']}"):
        assert two["app_key"].get(path).status_code == 403
    assert two["dataset_key"].get("/v1/apps").status_code == 403
    ask = {"query": "alpha?"}
    assert two["dataset_key"].post("/v1/apps/my-app/chat", json=ask).status_code == 403


def test_version_and_explain_are_for_admins(served: Served, two: dict[str, Any]):
    ask = {"query": "alpha?", "stream": False, "version": 1}
    assert two["app_key"].post("/v1/apps/my-app/chat", json=ask).status_code == 403
    assert served.http.post("/v1/apps/my-app/chat", json=ask).status_code == 200
    search = {"query": "alpha", "explain": True}
    path = f"/v1/datasets/{two['mine']}/search"
    assert two["dataset_key"].post(path, json=search).status_code == 403
    assert "why" in served.http.post(path, json=search).json()["hits"][0]
    assert "why" not in two["dataset_key"].post(path, json={"query": "alpha"}).json()["hits"][0]


def test_a_user_of_an_app_sees_only_their_own_conversations(served: Served, two: dict[str, Any]):
    client = two["app_key"]
    asked = {
        user: client.post(
            "/v1/apps/my-app/chat", json={"query": "alpha?", "stream": False, "user": user}
        ).json()
        for user in ("ann", "bob")
    }

    listed = client.get("/v1/conversations", params={"user": "ann"}).json()["data"]
    assert [item["id"] for item in listed] == [asked["ann"]["conversation_id"]]
    theirs = asked["bob"]["conversation_id"]
    as_ann = {"user": "ann"}
    path = f"/v1/conversations/{theirs}"
    assert client.get(f"{path}/messages", params=as_ann).status_code == 404
    assert client.delete(path, params=as_ann).status_code == 404
    going_on = {"query": "alpha?", "conversation_id": theirs, "stream": False, "user": "ann"}
    assert client.post("/v1/apps/my-app/chat", json=going_on).status_code == 404
    assert client.delete(path, params={"user": "bob"}).status_code == 204
