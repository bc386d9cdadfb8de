"""Tuned models answer in OpenAI's protocol: by a real HTTP client, over a socket."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("trl", reason="the extra tune is not installed")

import uvicorn

from tests.api.serving import serving
from tests.server import ask as ask_app
from tests.server import running_server
from tests.tune.trainers import tiny
from tests.tuned import store
from tune.serve.app import create_app
from tune.serve.engine import Asked, End, Engine, catalogue

KEY = "only-for-friends"
STOCK, MORE = "ft:tiny:citewell::00stock1", "ft:tiny:citewell:more:0adapter"


@pytest.fixture(scope="module")
def url(base: Path, stock: Path, adapter: Path) -> Iterator[str]:
    models = partial(catalogue, base.parent, stock.parent)
    app = create_app(models, Engine(base.parent), KEY)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/v1"
    server.should_exit = True
    thread.join()


def post(url: str, path: str, **body: Any) -> httpx.Response:
    headers = {"Authorization": f"Bearer {KEY}"}
    return httpx.post(f"{url}{path}", json=body, headers=headers, timeout=60)


def ask(url: str, model: str, question: str, **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": question}]
    answer = post(url, "/chat/completions", model=model, messages=messages, **more)
    assert answer.status_code == 200, answer.text
    whole: dict[str, Any] = answer.json()
    return whole


def chunks(response: httpx.Response) -> list[dict[str, Any]]:
    *frames, last = [frame[6:] for frame in response.text.split("\n\n") if frame]
    assert last == "[DONE]"
    return [json.loads(frame) for frame in frames]


def test_base_and_tuned_models_are_listed_by_name(url: str):
    listed = httpx.get(f"{url}/models", headers={"Authorization": f"Bearer {KEY}"}).json()

    assert [model["id"] for model in listed["data"]] == sorted(["tiny", STOCK, MORE])


def test_a_tuned_model_says_what_it_learnt_whole_and_streamed(url: str):
    row = tiny.facts()[2]
    whole = ask(url, STOCK, row.prompt)
    streamed = chunks(
        post(
            url,
            "/chat/completions",
            model=STOCK,
            messages=[{"role": "user", "content": [{"type": "text", "text": row.prompt}]}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    texts = [each["choices"][0]["delta"].get("content", "") for each in streamed[:-1]]

    assert whole["choices"][0]["message"]["content"] == row.answer
    assert whole["choices"][0]["finish_reason"] == "stop"
    assert "".join(texts) == row.answer
    assert len([text for text in texts if text]) > 1
    assert streamed[-2]["choices"][0]["finish_reason"] == "stop"
    assert streamed[-1]["usage"] == whole["usage"]


def test_requests_at_the_same_time_are_each_answered_by_their_own_adapter(url: str):
    asked = [(STOCK, row) for row in tiny.facts()[:5]] + [(MORE, row) for row in tiny.more_facts()]
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda each: ask(url, each[0], each[1].prompt), asked))

    said = [answer["choices"][0]["message"]["content"] for answer in answers]
    assert said == [row.answer for _, row in asked]


def test_a_text_completion_ends_before_its_stop(url: str):
    prompt = (
        "<|im_start|>user\nHow long is the warranty of Cedar?<|im_end|>\n<|im_start|>assistant\n"
    )
    answer = post(url, "/completions", model=STOCK, prompt=prompt, stop=["", " has"]).json()
    short = post(url, "/completions", model=STOCK, prompt=prompt, max_tokens=1).json()

    assert answer["choices"][0]["text"] == "Cedar"
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert short["choices"][0]["finish_reason"] == "length"
    assert short["usage"]["completion_tokens"] == 1


def test_who_leaves_ends_the_answer(base: Path):
    asked = Asked(base, "How long", ("never said",), 200, 1.0)
    pieces = Engine(base.parent).answer(asked)
    next(pieces)
    pieces.close()

    while isinstance(end := asked.told.get(timeout=60), str):
        pass
    assert isinstance(end, End)
    assert end.usage["completion_tokens"] < 200


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"model": "tiny", "messages": []}, 400, "invalid_request"),
        ({"model": "tiny", "messages": [{"role": "user", "content": 5}]}, 400, "invalid_request"),
        ({"model": "tiny", "messages": [{"content": "?"}]}, 400, "invalid_request"),
        ({"model": "tiny", "messages": [{"role": "user"}], "top_p": 7}, 400, "invalid_request"),
        (
            {"model": "unknown", "messages": [{"role": "user", "content": "?"}]},
            404,
            "model_not_found",
        ),
        (
            {"model": "tiny", "messages": [{"role": "user", "content": "word " * 300}]},
            400,
            "context_length_exceeded",
        ),
    ],
)
def test_what_cannot_be_answered_is_refused_in_the_form_of_openai(
    url: str, body: dict[str, Any], status: int, code: str
):
    for stream in (False, True):
        answer = post(url, "/chat/completions", **body, stream=stream)

        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_without_the_key_nothing_is_said(url: str):
    assert httpx.get(f"{url}/models").status_code == 401


@pytest.mark.parametrize(("key", "status"), [("wrong", b"401"), (KEY, b"413")])
def test_a_body_is_not_read_without_the_key_or_beyond_its_limit(url: str, key: str, status: bytes):
    address = httpx.URL(url)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {key}\r\n"
    head += "content-type: application/json\r\ncontent-length: 10000000000\r\n\r\n"
    with socket.create_connection((address.host, address.port or 80), timeout=30) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).split()[1] == status


def test_a_model_that_cannot_be_loaded_spoils_no_other(base: Path, tmp_path: Path):
    broken = Path(shutil.copytree(base, tmp_path / "broken"))
    (broken / "model.safetensors").write_bytes(b"no weights")
    engine = Engine(base.parent)

    def is_answered(folder: Path) -> bool:
        try:
            return bool(list(engine.answer(Asked(folder, "How long", (), 2))))
        except Exception:
            return False

    assert [is_answered(each) for each in (base, broken, base)] == [True, False, True]


@pytest.mark.slow
def test_an_app_of_the_product_is_answered_by_it(url: str, tmp_path: Path):
    row = tiny.facts()[4]
    with running_server(tmp_path / "data") as server, server.http as http:
        model = {
            "name": "tuned",
            "provider": "openai",
            "base_url": url,
            "model": STOCK,
            "api_key": KEY,
        }
        assert http.post("/v1/models", json=model).status_code == 201
        assert http.post("/v1/apps", json={"slug": "facts", "name": "Facts"}).status_code == 201
        draft = {"tuned": {"model": "tuned", "retrieval": None, "prompt": ""}}
        assert http.put("/v1/apps/facts/draft", json=draft).status_code == 200
        assert http.post("/v1/apps/facts/publish").status_code in (200, 201)
        events = ask_app(http, "facts", row.prompt, route="tuned")

    assert events[-1][0] == "run.completed", events
    assert events[-1][1]["route"]["variant"] == "tuned"
    assert events[-1][1]["answer"] == row.answer
    assert len([name for name, _ in events if name == "delta"]) > 1


def test_one_call_publishes_it_and_it_answers_as_the_tuned_variant_of_an_app(
    url: str, tmp_path: Path
):
    row = tiny.facts()[4]
    with serving(tmp_path / "data") as served:
        served.kb.database.writing(store, STOCK, "chat")
        (served.kb.folder.tuning / "job" / "model").mkdir(parents=True)
        served.new_app("published", base={"model": "extractive"})
        wanted = {"app": "published", "serving": "citewell", "base_url": url, "api_key": KEY}
        told = served.post(f"/v1/tuning/models/{STOCK}/publish", wanted, 200)
        assert told["commands"] == ["kb tune serve"]
        served.post("/v1/apps/published/publish")
        rollout = {"stage": "canary", "plan": {"steps": [100]}, "override": "A test."}
        assert served.http.put("/v1/apps/published/rollout", json=rollout).status_code == 200
        events = ask_app(served.http, "published", row.prompt)
        state = served.http.get("/v1/apps/published/rollout").json()
    assert (events[-1][1]["answer"], events[-1][1]["route"]["model"]) == (row.answer, STOCK)
    assert (state["stage"], state["percent"]) == ("full", 100)
    assert (state["tuned"]["answers"], state["tuned"]["failures"]) == (1, 0)
