"""Language models: their keys go in and never come out, and a test says whether they answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.api.serving import Served
from tests.fake_models import running_fake_server


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
        "first_token_timeout_s": None,
        "gap_timeout_s": None,
        "total_timeout_s": None,
        "shutdown_at": None,
        "has_api_key": True,
        "health": None,
        "warnings": [],
    }
    assert served.http.post("/v1/models", json=body).status_code == 409
    changed = served.http.patch("/v1/models/mine", json={"model": "gpt-10", "stop": []}).json()
    assert (changed["model"], changed["stop"], changed["has_api_key"]) == ("gpt-10", [], True)
    cleared = served.http.patch("/v1/models/mine", json={"api_key": None, "price_in": None}).json()
    assert (cleared["has_api_key"], cleared["price_in"]) == (False, None)
    assert served.http.delete("/v1/models/mine").status_code == 204
    assert served.http.get("/v1/models/mine").status_code == 404
    assert served.http.delete("/v1/models/mine").status_code == 404


def test_a_provider_that_is_known_fills_in_its_address(served: Served):
    listed = served.http.get("/v1/models/providers").json()["data"]
    known = next(provider for provider in listed if provider["name"] == "deepseek")
    body = {"name": "deep", "provider": "deepseek", "model": known["models"][0], "api_key": "k"}

    made = served.post("/v1/models", body)
    moved = served.http.patch("/v1/models/deep", json={"provider": "moonshot"}).json()

    assert made["base_url"] == known["base_url"] == "https://api.deepseek.com"
    assert moved["base_url"] == "https://api.moonshot.ai/v1"
    refused = served.http.post("/v1/models", json={**body, "name": "x", "provider": "depseek"})
    assert refused.status_code == 400
    assert "/v1/models/providers" in refused.json()["detail"]
    azure = served.http.post("/v1/models", json={**body, "name": "x", "provider": "azure"})
    assert "RESOURCE.openai.azure.com" in azure.json()["detail"]


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
        {"base_url": "http://ⓛocalhost/v1"},
        {"base_url": f"http://{'a' * 100_000}/v1"},
        {"base_url": "http://169.254.169.254/v1"},
        {"price_in": -1},
        {"style": "telepathy"},
        {"unknown": 1},
    ],
)
def test_a_model_that_makes_no_sense_is_refused(served: Served, field: dict):
    answer = served.http.post("/v1/models", json={"name": "x", "model": "x", **field})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")


def test_an_address_is_checked_when_it_is_changed_as_well(served: Served):
    body = {"name": "moved", "model": "x", "base_url": "http://127.0.0.1:9/v1"}
    assert served.http.post("/v1/models", json=body).status_code == 201

    refused = served.http.patch("/v1/models/moved", json={"base_url": "http://metadata/v1"})

    assert refused.status_code == 400
    assert "KB_LLM__LINK_LOCAL_HOSTS" in refused.json()["detail"]
    kept = served.http.get("/v1/models/moved").json()
    assert kept["base_url"] == "http://127.0.0.1:9/v1"


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


def test_a_model_that_an_app_asks_is_deleted_only_by_force(served: Served):
    served.post("/v1/models", {"name": "wanted", "model": "m"})
    served.post("/v1/models", {"name": "drafter", "model": "m"})
    served.new_app("asks-it", tuned={"model": "wanted", "draft_model": "drafter"})

    for name in ("wanted", "drafter"):
        refused = served.http.delete(f"/v1/models/{name}")
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
        assert "asks-it" in refused.json()["detail"]
    served.http.put("/v1/apps/asks-it/draft", json={"tuned": {"model": "drafter"}})
    assert served.http.delete("/v1/models/wanted").status_code == 409, "the version still asks it"
    served.post("/v1/apps/asks-it/publish")
    assert served.http.delete("/v1/models/wanted").status_code == 204
    forced = served.http.delete("/v1/models/drafter", params={"force": True})
    assert forced.status_code == 204
    assert served.http.get("/v1/models/drafter").status_code == 404


def test_a_shutdown_date_is_warned_of_wherever_an_operator_looks(served: Served):
    ends = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    served.post("/v1/models", {"name": "ending", "model": "m", "shutdown_at": ends})
    served.new_app("ending", base={"model": "extractive"}, tuned={"model": "ending"})

    shown = [
        served.http.get("/v1/models/ending").json(),
        next(m for m in served.http.get("/v1/models").json()["data"] if m["name"] == "ending"),
        served.http.get("/v1/apps/ending").json(),
        served.http.get("/v1/apps/ending/draft").json(),
    ]

    for body in shown:
        assert [warning["code"] for warning in body["warnings"]] == ["model_shutdown"]
        assert ends in body["warnings"][0]["detail"]
    draft = shown[-1]
    assert served.http.put("/v1/apps/ending/draft", json=draft).json() == draft
    app_key = served.post("/v1/apps/ending/keys", {"name": "site"})["key"]
    assert "warnings" not in served.client(app_key).get("/v1/apps/ending").json()
    cleared = served.http.patch("/v1/models/ending", json={"shutdown_at": None}).json()
    assert (cleared["shutdown_at"], cleared["warnings"]) == (None, [])
    assert "warnings" not in served.http.get("/v1/apps/ending").json()


@pytest.mark.parametrize("day", ["tomorrow", "2026-02-30", "20260101", "2026-1-1"])
def test_a_shutdown_date_is_a_day(served: Served, day: str):
    answer = served.http.post("/v1/models", json={"name": "x", "model": "x", "shutdown_at": day})
    assert answer.status_code == 400
    assert "shutdown_at" in answer.json()["detail"]


def test_the_health_of_a_model_is_shown_and_counted(served: Served):
    with running_fake_server() as upstream:
        body = {"name": "ailing", "model": "fail:500", "base_url": upstream.base_url}
        served.post("/v1/models", body)
        served.new_app("ailing", base={"model": "ailing"})
        for _ in range(5):
            answer = served.http.post(
                "/v1/apps/ailing/chat", json={"query": "Hello?", "stream": False}
            )
            assert answer.status_code == 503
        requests = len(upstream.requests)

        left_alone = served.http.post("/v1/apps/ailing/chat", json={"query": "Hello?"})

        assert left_alone.status_code == 503
        assert "left alone" in left_alone.json()["detail"]
        assert len(upstream.requests) == requests
        health = served.http.get("/v1/models/ailing").json()["health"]
        assert (health["circuit"], health["failures"]) == ("open", 5)
        metrics = served.http.get("/metrics").text
        assert 'kb_model_circuit_open{model="ailing"} 1' in metrics
        assert 'kb_model_failures_total{model="ailing"} 5' in metrics

        served.http.patch("/v1/models/ailing", json={"model": "echo"})
        tested = served.http.post("/v1/models/ailing/test")

        assert tested.status_code == 200
        assert served.http.get("/v1/models/ailing").json()["health"]["circuit"] == "closed"
        again = served.http.post("/v1/apps/ailing/chat", json={"query": "Hi?", "stream": False})
        assert again.json()["answer"] == "Hi?"


def test_a_models_own_deadline_goes_before_that_of_the_settings(served: Served):
    with running_fake_server() as upstream:
        body = {"name": "slow", "model": "stall", "base_url": upstream.base_url}
        served.post("/v1/models", {**body, "first_token_timeout_s": 0.2})
        answer = served.http.post("/v1/models/slow/test")
    assert answer.status_code == 503
    assert "no token within 0.2 seconds" in answer.json()["detail"]
