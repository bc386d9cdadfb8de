"""Every error is a problem document with a status, a code, a sentence and the request's id."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from kb import errors
from tests.api.serving import Served


def families() -> Iterator[type[errors.KnowledgeBaseError]]:
    waiting = [errors.KnowledgeBaseError]
    while waiting:
        family = waiting.pop()
        if family.__module__ == errors.__name__:
            yield family
        waiting += family.__subclasses__()


@pytest.mark.parametrize("family", sorted(set(families()), key=lambda f: f.__name__))
def test_every_domain_error_has_a_code_a_status_and_a_docstring(family: type):
    from api.errors import STATUSES, status_of_code

    assert family.__doc__
    assert family.code
    nearest = next(base for base in family.__mro__ if base in STATUSES)
    assert status_of_code(family.code) in set(STATUSES.values())
    assert nearest is not errors.KnowledgeBaseError or family is errors.KnowledgeBaseError, (
        "a family of its own needs a status of its own"
    )


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("model_unavailable", 503),
        ("overloaded", 503),
        ("not_found", 404),
        ("too_large", 413),
        ("storage_full", 507),
        ("internal_error", 500),
        ("never_heard_of", 500),
    ],
)
def test_a_stored_failure_has_the_status_of_its_code(code: str, status: int):
    from api.errors import status_of_code

    assert status_of_code(code) == status


def check(answer: httpx.Response, status: int, code: str) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) >= {"type", "title", "status", "code", "detail", "request_id"}
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == answer.headers["x-request-id"] != ""
    return body["detail"]


def test_a_missing_field_is_named(served: Served):
    detail = check(served.http.post("/v1/datasets", json={}), 400, "invalid_request")
    assert "`name`" in detail


def test_a_misspelt_field_is_named(served: Served):
    body = {"name": "d", "processing": {"split": {"max_token": 100}}}
    detail = check(served.http.post("/v1/datasets", json=body), 400, "invalid_request")
    assert "`processing.split.max_token` is not a known field" in detail


def test_an_unknown_cleaning_rule_is_named(served: Served):
    body = {"name": "d", "processing": {"clean": {"everything": True}}}
    detail = check(served.http.post("/v1/datasets", json=body), 400, "invalid_request")
    assert "Unknown cleaning rule everything" in detail


def test_a_body_that_is_no_json_is_refused(served: Served):
    headers = {"content-type": "application/json"}
    answer = served.http.post("/v1/datasets", content=b"{", headers=headers)
    assert check(answer, 400, "invalid_request") == "The body is not valid JSON."


@pytest.mark.parametrize("media_type", ["application/json", "application/x-www-form-urlencoded"])
def test_a_body_that_is_no_object_is_told_what_is_missing(served: Served, media_type: str):
    headers = {"content-type": media_type}
    answer = served.http.post("/v1/datasets", content=b"[]", headers=headers)
    assert "Content-Type: application/json" in check(answer, 400, "invalid_request")
    body = {"name": "d", "processing": {"split": 5}}
    detail = check(served.http.post("/v1/datasets", json=body), 400, "invalid_request")
    assert detail == "`processing.split`: must be a JSON object."


def test_a_text_is_measured_in_characters(served: Served):
    body = {"query": "x" * 32_001}
    detail = check(served.http.post("/v1/datasets/d/search", json=body), 400, "invalid_request")
    assert "32000 characters" in detail


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_characters_that_no_store_takes_are_refused(served: Served, text: str):
    import json

    headers = {"content-type": "application/json"}
    content = json.dumps({"name": text})
    answer = served.http.post("/v1/datasets", content=content, headers=headers)
    check(answer, 400, "invalid_request")


def test_a_refused_secret_is_not_repeated(served: Served):
    body = {"name": "m", "model": "m", "api_key": {"sk-secret": 1}}
    answer = served.http.post("/v1/models", json=body)
    check(answer, 400, "invalid_request")
    assert "sk-secret" not in answer.text


def test_unknown_addresses_and_methods_are_problems_too(served: Served):
    check(served.http.get("/v1/nothing"), 404, "not_found")
    check(served.http.get("/static/nothing.js"), 404, "not_found")
    answer = served.http.put("/v1/datasets")
    check(answer, 405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=501"])
def test_a_list_takes_a_sensible_limit(served: Served, query: str):
    check(served.http.get(f"/v1/datasets?{query}"), 400, "invalid_request")


def test_a_body_over_the_limit_is_refused_by_its_announced_length(served: Served):
    answer = served.http.post("/v1/datasets", content=b"x" * ((1 << 20) + 1))
    check(answer, 413, "too_large")


def test_a_body_over_the_limit_is_refused_while_it_arrives(served: Served):
    pieces = (b"x" * 65536 for _ in range(20))
    headers = {"content-type": "application/json"}
    check(served.http.post("/v1/datasets", content=pieces, headers=headers), 413, "too_large")


def test_a_length_that_is_announced_is_refused_before_any_byte(served: Served):
    host = urlsplit(served.url)
    head = (
        f"POST /v1/datasets HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Length: 99999999999\r\n"
        f"Authorization: {served.http.headers['authorization']}\r\n\r\n"
    )
    with socket.create_connection((host.hostname, host.port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")


def test_a_body_with_two_lengths_is_refused_and_nothing_behind_it_is_read(served: Served):
    host = urlsplit(served.url)
    key = f"Authorization: {served.http.headers['authorization']}\r\n"
    smuggled = f"GET /v1/datasets HTTP/1.1\r\nHost: x\r\n{key}\r\n"
    head = f"POST /v1/datasets HTTP/1.1\r\nHost: x\r\n{key}Content-Length: 5\r\n"
    with socket.create_connection((host.hostname, host.port), timeout=10) as connection:
        chunked = f"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"
        connection.sendall(f"{head}{chunked}".encode())
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_an_unknown_exception_is_one_constant_sentence(served: Served, monkeypatch):
    from api.errors import INTERNAL_DETAIL
    from kb.upkeep.fsck import Fsck

    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("secret-of-the-house")

    monkeypatch.setattr(Fsck, "run", broken)
    answer = served.http.post("/v1/fsck")

    assert check(answer, 500, "internal_error") == INTERNAL_DETAIL
    assert "secret-of-the-house" not in answer.text


def test_every_answer_carries_an_id_of_its_own_and_the_security_headers(served: Served):
    answers = [
        served.http.get("/healthz"),
        served.http.get("/v1/datasets"),
        served.http.get("/v1/none"),
        httpx.get(served.url + "/v1/datasets"),
        served.http.get("/static/style.css"),
        served.http.get("/login"),
    ]

    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "server" not in answer.headers


def test_metrics_count_requests_and_documents(served: Served):
    served.new_dataset("counted", {"a.md": "Alpha.", "b.md": "Beta."})

    text = served.http.get("/metrics").text

    assert 'kb_documents{status="ready"} 2' in text
    assert "kb_runs_active 0" in text
    assert "kb_jobs_waiting 0" in text
    assert 'kb_requests_total{method="GET",status="200"}' in text
