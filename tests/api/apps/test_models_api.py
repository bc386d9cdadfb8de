"""Language models: their keys go in and never come out, and a test says whether they answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from kb.apps import checking
from kb.models.providers.presets import presets
from kb.settings import LlmSettings
from tests.api.serving import Served, serving
from tests.api.talking import MOON
from tests.fake_models import running_fake_server

RECORDINGS = Path(__file__).parents[2] / "recordings"


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
        "price_cached": None,
        "currency": "USD",
        "prices": [],
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


def report_of(served: Served, name: str, model: str, **fields: Any) -> tuple[dict, dict]:
    """What the test of a new model says, and the status of each check."""
    served.post("/v1/models", {"name": name, "model": model, **fields})
    answer = served.http.post(f"/v1/models/{name}/test")
    assert answer.status_code == 200, answer.text
    said = answer.json()
    return said, {check["name"]: check for check in said["checks"]}


def statuses(checks: dict) -> str:
    names = ("reachable", "key", "model", "streaming", "usage", "context")
    return " ".join(checks[name]["status"] for name in names)


def test_a_model_that_answers_passes_its_test(served: Served):
    listed = [{"id": "echo", "max_model_len": 4096}]
    with running_fake_server(key="sk-1", models=listed) as upstream:
        said, checks = report_of(served, "echo", "echo", base_url=upstream.base_url, api_key="sk-1")

    assert said["ok"] is True
    assert said["first_token_ms"] > 0
    assert said["text"].strip() == "Count from one to ten, in words."
    assert statuses(checks) == "ok ok ok ok ok ok"
    assert "4096" in checks["context"]["detail"]
    assert len(upstream.requests) == 1


def test_a_refused_key_is_told_from_a_missing_one(served: Served):
    with running_fake_server(key="sk-1") as upstream:
        wrong = {"base_url": upstream.base_url, "api_key": "sk-never-echoed"}
        said, refused = report_of(served, "wrong-key", "echo", **wrong)
        _, missing = report_of(served, "no-key", "echo", base_url=upstream.base_url)

    assert said["ok"] is False
    assert statuses(refused) == "ok failed unknown unknown unknown unknown"
    assert "is refused" in refused["key"]["detail"]
    assert "is missing" in missing["key"]["detail"]
    assert "sk-never-echoed" not in str(said)


def test_a_name_that_the_server_does_not_know_is_told_with_those_that_are_near(served: Served):
    with running_fake_server(models=[{"id": "qwen3:8b"}, {"id": "llama4:8b"}]) as upstream:
        said, checks = report_of(served, "typo", "fail:404", base_url=upstream.base_url)
        _, near = report_of(served, "near", "qwen3:8", base_url=upstream.base_url)

    assert said["ok"] is False
    assert checks["model"]["status"] == "failed"
    assert "llama4:8b" in checks["model"]["detail"]
    assert near["model"]["status"] == "ok", "it has answered"


@pytest.mark.parametrize("model", ["fail:500", "fail:429"])
def test_a_model_that_does_not_answer_fails_its_test_with_sentences_of_ours(
    served: Served, model: str
):
    with running_fake_server() as upstream:
        key = {"base_url": upstream.base_url, "api_key": "sk-never-echoed"}
        said, checks = report_of(served, model, model, **key)

    assert said["ok"] is False
    assert checks["reachable"]["status"] == "ok"
    assert "Count from" not in str(said)
    assert "sk-never-echoed" not in str(said)


def test_a_model_whose_server_is_gone_fails_its_test(served: Served):
    said, checks = report_of(served, "gone", "x", base_url="http://127.0.0.1:9/v1")

    assert said["ok"] is False
    assert statuses(checks) == "failed unknown unknown unknown unknown unknown"
    assert "base_url" in checks["reachable"]["detail"]
    assert served.http.post("/v1/models/unknown/test").status_code == 404
    unset = served.http.post("/v1/models/default/test")
    assert unset.status_code == 409
    assert "No language model is the default" in unset.json()["detail"]


def test_a_recorded_stream_without_counts_says_so(served: Served):
    with running_fake_server(recordings=RECORDINGS, models=[]) as upstream:
        _, checks = report_of(served, "countless", "no-usage", base_url=upstream.base_url)

    assert statuses(checks) == "ok ok ok ok failed unknown"
    assert "estimated" in checks["usage"]["detail"]


def test_the_default_model_is_chosen_while_the_server_runs(served: Served):
    unnamed(served)
    assert served.http.get("/v1/models/default").json() == {"name": None, "source": "none"}
    assert model_of(served, "unnamed") == "extractive"
    with running_fake_server() as upstream:
        for name in ("first", "second"):
            served.post(
                "/v1/models", {"name": name, "model": "echo", "base_url": upstream.base_url}
            )

        for name in ("first", "second"):
            put = served.http.put("/v1/models/default", json={"name": name})
            assert put.json() == {"name": name, "source": "chosen"}
            assert model_of(served, "unnamed") == name
        assert served.http.post("/v1/models/default/test").json()["ok"] is True
        assert served.http.get("/v1/models/second").json()["health"]["answers"] == 2
        assert served.http.delete("/v1/models/second").status_code == 409

        assert served.http.delete("/v1/models/second?force=true").status_code == 204
        assert served.http.get("/v1/models/default").json()["source"] == "none"
        served.http.put("/v1/models/default", json={"name": "first"})
        cleared = served.http.put("/v1/models/default", json={"name": None})
        assert cleared.json() == {"name": None, "source": "none"}
    assert served.http.put("/v1/models/default", json={"name": "nobody"}).status_code == 404


def unnamed(served: Served) -> None:
    """An app whose variant names no model."""
    served.new_app("unnamed", dataset_ids=[served.new_dataset("moon", {"moon.md": MOON})])


def model_of(served: Served, app: str) -> str:
    body = {"query": "When does the moon rise over Ostrava?", "stream": False}
    return served.http.post(f"/v1/apps/{app}/chat", json=body).json()["route"]["model"]


def test_what_is_chosen_goes_before_the_settings_and_outlives_a_restart(tmp_path: Path):
    with running_fake_server() as upstream:
        llm = LlmSettings(model="echo", base_url=upstream.base_url)
        with serving(tmp_path / "data", llm=llm) as served:
            unnamed(served)
            assert served.http.get("/v1/models/default").json()["source"] == "settings"
            assert model_of(served, "unnamed") == "default"
            served.post(
                "/v1/models", {"name": "mine", "model": "echo", "base_url": upstream.base_url}
            )
            served.http.put("/v1/models/default", json={"name": "mine"})
        with serving(tmp_path / "data", llm=llm) as served:
            assert model_of(served, "unnamed") == "mine"
            served.http.put("/v1/models/default", json={"name": "extractive"})
            assert model_of(served, "unnamed") == "extractive"


def test_model_servers_of_this_machine_are_found_but_never_this_one(served, monkeypatch):
    known = dict(presets())
    listed = [{"id": "qwen3:8b"}, {"id": "nomic-embed-text"}]
    with running_fake_server(models=listed) as ollama, running_fake_server(key="k") as vllm:
        places = {"ollama": ollama.base_url, "vllm": vllm.base_url}
        places |= {"llamacpp": "http://127.0.0.1:9/v1", "lmstudio": f"{served.url}/v1"}
        moved = {name: replace(known[name], base_url=url) for name, url in places.items()}
        monkeypatch.setattr(checking, "presets", lambda: known | moved)

        found = served.http.get("/v1/models/discover").json()["data"]

    assert [(each["provider"], each["models"]) for each in found[:1]] == [
        ("ollama", ["qwen3:8b", "nomic-embed-text"])
    ]
    assert [each["detail"] for each in found if each["provider"] == "vllm"] == [
        "It wants an API key."
    ]
    assert not {"llamacpp", "lmstudio"} & {each["provider"] for each in found}


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
    assert "no token within 0.2 seconds" in answer.json()["error"]
