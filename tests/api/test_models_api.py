"""Language models: their keys go in and never come out, and a test says whether they answer."""

from __future__ import annotations

import pytest

from kb.models.fake_server import running_fake_server
from tests.api.serving import Served


def test_a_model_is_registered_changed_and_forgotten(served: Served):
    body = {
        "name": "mine",
        "provider": "openai",
        "base_url": "http://127.0.0.1:9/v1",
        "api_key": "sk-very-secret",
        "model": "gpt-9",
        "style": "completion",
        "separator": "\n\n###\n\n",
        "stop": [" END"],
        "price_in": 1.5,
    }
    made = served.http.post("/v1/models", json=body)
    assert made.status_code == 201
    assert made.json() == {
        **{key: value for key, value in body.items() if key != "api_key"},
        "price_out": None,
        "options": {},
        "has_api_key": True,
    }
    assert served.http.post("/v1/models", json=body).status_code == 409
    changed = served.http.patch("/v1/models/mine", json={"model": "gpt-10", "stop": []}).json()
    assert (changed["model"], changed["stop"], changed["has_api_key"]) == ("gpt-10", [], True)
    cleared = served.http.patch("/v1/models/mine", json={"api_key": None, "price_in": None}).json()
    assert (cleared["has_api_key"], cleared["price_in"]) == (False, None)
    assert served.http.delete("/v1/models/mine").status_code == 204
    assert served.http.get("/v1/models/mine").status_code == 404
    assert served.http.delete("/v1/models/mine").status_code == 404


def test_a_providers_key_never_comes_out(served: Served):
    secret = "sk-0123456789-never-shown"
    body = {"name": "secretive", "model": "m", "api_key": secret}
    answers = [
        served.http.post("/v1/models", json=body, headers={"idempotency-key": "model"}),
        served.http.get("/v1/models/secretive"),
        served.http.get("/v1/models"),
        served.http.patch("/v1/models/secretive", json={"model": "n"}),
        served.http.patch("/v1/models/secretive", json={"model": 1, "api_key": secret}),
    ]

    assert not any(secret in answer.text for answer in answers)
    listed = answers[2].json()["data"]
    assert [item["has_api_key"] for item in listed if item["name"] == "secretive"] == [True]
    for path in served.kb.settings.data_dir.glob("kb.db*"):
        assert secret.encode() not in path.read_bytes()


@pytest.mark.parametrize(
    "field",
    [
        {"name": "with space"},
        {"name": "extractive"},
        {"base_url": "file:///etc/passwd"},
        {"base_url": "http://user:pass@host/v1"},
        {"price_in": -1},
        {"style": "telepathy"},
        {"unknown": 1},
    ],
)
def test_a_model_that_makes_no_sense_is_refused(served: Served, field: dict):
    answer = served.http.post("/v1/models", json={"name": "x", "model": "x", **field})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_a_model_that_answers_passes_its_test(served: Served):
    with running_fake_server() as upstream:
        body = {"name": "echo", "model": "echo", "base_url": upstream.base_url}
        served.post("/v1/models", body)

        answer = served.http.post("/v1/models/echo/test")

        assert answer.status_code == 200
        result = answer.json()
        assert result["ok"] is True
        assert result["first_token_ms"] > 0
        assert result["text"].strip() == "Say hello."
        assert len(upstream.requests) == 1


@pytest.mark.parametrize("model", ["fail:500", "fail:429"])
def test_a_model_that_does_not_answer_fails_its_test_with_a_sentence_of_ours(
    served: Served, model: str
):
    with running_fake_server() as upstream:
        body = {
            "name": model,
            "model": model,
            "base_url": upstream.base_url,
            "api_key": "sk-never-echoed",
        }
        served.post("/v1/models", body)

        answer = served.http.post(f"/v1/models/{model}/test")

        assert (answer.status_code, answer.json()["code"]) == (503, "model_unavailable")
        assert "Say hello" not in answer.text
        assert "sk-never-echoed" not in answer.text


def test_a_model_whose_server_is_gone_fails_its_test(served: Served):
    body = {"name": "gone", "model": "x", "base_url": "http://127.0.0.1:9/v1"}
    served.post("/v1/models", body)

    answer = served.http.post("/v1/models/gone/test")

    assert (answer.status_code, answer.json()["code"]) == (503, "model_unavailable")
    assert served.http.post("/v1/models/unknown/test").status_code == 404
