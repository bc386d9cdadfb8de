"""`KB_LOG_FORMAT=json`: a line per request and per run, and no word of what was said."""

from __future__ import annotations

import json
from pathlib import Path

from tests.api.telemetry.watched import ANSWER, FILE, QUESTION, TEXT, use
from tests.fake_models import running_fake_server
from tests.server import running_server


def test_each_request_and_each_run_is_one_object_without_a_word_of_it(tmp_path: Path):
    with (
        running_fake_server() as model,
        running_server(tmp_path / "data", KB_LOG_FORMAT="json") as server,
    ):
        with server.http as http:
            answer = use(http, model.base_url)
            dataset = http.get("/v1/datasets").json()["data"][0]["id"]
            http.put(f"/v1/datasets/{dataset}/documents/by-name/{FILE}", content=TEXT)
            http.get("/healthz", params={"q": QUESTION})
            headers = http.get("/healthz").headers
            key = http.post("/v1/keys", json={"kind": "metrics"}).json()
            http.get("/v1/datasets", headers={"authorization": f"Bearer {key['key']}"})
        server.stop()

    text = server.log.read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    others = [line for line in text.splitlines() if not line.startswith("{")]
    runs = {line["run"]: line for line in lines if line["event"] == "run"}
    requests = {line["request"]: line for line in lines if line["event"] == "request"}
    for word in (ANSWER, FILE, QUESTION, TEXT):
        assert word not in text
    assert [line.partition(" ")[0] for line in others] == ["Ready", "Sign"]
    assert len(runs) == 4
    run = runs[answer["run_id"]]
    said = ("app", "model", "variant", "outcome", "finish", "grounded", "code", "key")
    assert {name: run[name] for name in said} == {
        "app": "talk",
        "model": "talk",
        "variant": "base",
        "outcome": "weak",
        "finish": "stop",
        "grounded": "weak",
        "code": None,
        "key": None,
    }
    assert run["ms"] == answer["timings_ms"]
    assert set(run["tokens"]) == {"in", "out", "cached", "reasoning"}
    assert run["tokens"]["out"] == answer["usage"]["completion_tokens"]
    assert {line["outcome"]: line["code"] for line in runs.values()} == {
        "answered": None,
        "weak": None,
        "refused": None,
        "failed": "model_unavailable",
    }
    health = requests[headers["x-request-id"]]
    assert (health["route"], health["status"], health["key"]) == ("/healthz", 200, None)
    assert key["id"] in {line["key"] for line in requests.values() if line["status"] == 403}
    assert "/v1/apps/{app}/chat" in {line["route"] for line in requests.values()}
