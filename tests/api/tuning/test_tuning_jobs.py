"""Training jobs over HTTP, with a trainer that speaks the protocol and learns nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.serving import Served, serving
from tests.server import frames
from tests.tune.trained import ROWS, make_base, scripted

JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("tuning")
    make_base(folder / "data")
    with serving(folder / "data", tuning=scripted(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def file_id(served: Served) -> str:
    parts = {"file": ("rows.jsonl", ROWS.encode())}
    answer = served.http.post("/openai/v1/files", files=parts, data={"purpose": "fine-tune"})
    return str(answer.json()["id"])


def made(served: Served, file_id: str, **others: Any) -> dict[str, Any]:
    body = {"model": "tiny", "training_file": file_id, **others}
    return dict(served.post("/v1/tuning/jobs", body))


def followed(served: Served, job_id: str, after: int = 0) -> list[tuple[int, str, Any]]:
    path = f"/v1/tuning/jobs/{job_id}/events"
    with served.http.stream("GET", path, params={"after": after}) as answer:
        assert answer.status_code == 200
        return list(frames(answer))


def test_a_job_is_followed_to_its_end_and_again_from_any_event(served, file_id):
    job = made(served, file_id, suffix="first", hyperparameters={"n_epochs": 1})
    events = followed(served, job["id"])
    *happened, (_, ended, last) = events
    assert (ended, last["status"]) == ("job.ended", "succeeded")
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    assert [data["seq"] for _, _, data in happened] == list(range(1, len(events)))
    assert followed(served, job["id"], after=5) == events[5:]

    curve = served.http.get(f"/v1/tuning/jobs/{job['id']}/curve").json()
    assert [point["step"] for point in curve] == [1, 2, 3, 4]
    assert served.http.get("/v1/tuning/jobs").json()["data"][0]["id"] == job["id"]


def test_the_line_of_a_model_is_told_up_to_its_answers(served, file_id):
    first = followed(served, made(served, file_id)["id"])[-1][2]["fine_tuned_model"]
    second = followed(served, made(served, file_id, model=first)["id"])[-1][2]["fine_tuned_model"]
    served.post(
        "/v1/models", {"name": "mine", "model": second, "base_url": "http://127.0.0.1:9/v1"}
    )
    served.new_app("story", tuned={"model": "mine", "retrieval": None})

    line = served.http.get(f"/v1/tuning/models/{second}").json()
    assert (line["base"], [step["model"] for step in line["steps"]]) == ("tiny", [first, second])
    assert (line["registered"], line["apps"], line["answers"]) == (["mine"], ["story"], 0)
    assert {each["name"] for each in served.http.get("/v1/tuning/models").json()["data"]} >= {
        first,
        second,
    }


def test_a_version_of_a_set_is_trained_on_and_named_in_the_line(served, file_id):
    served.post("/v1/tuning/sets", {"name": "handbook"})
    parts = {"file": ("rows.jsonl", ROWS.encode())}
    version = served.http.post("/v1/tuning/sets/handbook/versions", files=parts)
    assert version.status_code == 201, version.text
    job = served.post("/v1/tuning/jobs", {"model": "tiny", "training_set": "handbook@1"})
    assert job["training_file"] == version.json()["file_id"]
    model = followed(served, job["id"])[-1][2]["fine_tuned_model"]
    line = served.http.get(f"/v1/tuning/models/{model}").json()
    assert line["steps"][0]["training_set"] == "handbook@1"
    unknown = {"model": "tiny", "training_set": "handbook@7"}
    assert served.http.post("/v1/tuning/jobs", json=unknown).status_code == 404


def test_only_admins_train(served, file_id):
    served.new_app("plain")
    key = served.with_new_key(kind="app", app="plain")
    for path in ("/v1/tuning/jobs", "/openai/v1/fine_tuning/jobs", "/v1/tuning/models"):
        assert key.get(path).status_code == 403


def test_a_deleted_job_is_gone(served, file_id):
    job = made(served, file_id)
    followed(served, job["id"])
    assert served.http.delete(f"/v1/tuning/jobs/{job['id']}").status_code == 204
    assert served.http.get(f"/v1/tuning/jobs/{job['id']}").status_code == 404


def test_openai_errors_name_the_field(served, file_id):
    asked: dict[str, Any] = {"model": "huge", "training_file": file_id}
    answer = served.http.post("/openai/v1/fine_tuning/jobs", json=asked)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "model"
    asked |= {"model": "tiny", "integrations": [{"type": "wandb", "wandb": {"project": "a"}}]}
    answer = served.http.post("/openai/v1/fine_tuning/jobs", json=asked)
    assert answer.json()["error"]["code"] == "unsupported_value"


def test_events_stream_as_openai_once_did(served, file_id):
    asked = {"model": "tiny", "training_file": file_id}
    job = served.http.post("/openai/v1/fine_tuning/jobs", json=asked).json()
    path = f"/openai/v1/fine_tuning/jobs/{job['id']}/events"
    with served.http.stream("GET", path, params={"stream": "true"}) as answer:
        told = [line for line in answer.iter_lines() if line and line != ": ping"]
    lines = [line.removeprefix("data: ") for line in told]
    assert lines[-1] == "[DONE]"
    events = [json.loads(line) for line in lines[:-1]]
    assert events[-1]["message"] == "The job has successfully completed."
    listed = served.http.get(path, params={"limit": 3}).json()
    assert [each["id"] for each in listed["data"]] == [each["id"] for each in events[:-4:-1]]
    assert listed["has_more"]


@pytest.mark.parametrize("field", ["metadata", "hyperparameters"])
@pytest.mark.parametrize("value", ["[" * 250 + "]" * 250, '"\\ud800"', "NaN", '{"a": 1}'])
def test_what_could_not_be_read_again_is_no_part_of_a_job(served, file_id, field, value):
    body = f'{{"model": "tiny", "training_file": "{file_id}", "{field}": {{"mine": {value}}}}}'
    answer = served.http.post("/v1/tuning/jobs", content=body, headers=JSON)
    assert answer.status_code == 400
    assert field in answer.json()["detail"] or "JSON" in answer.json()["detail"]
    assert served.http.get("/v1/tuning/jobs").status_code == 200
