"""The fake server that ships with the product."""

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.fake_models import running_fake_server

ROOT = Path(__file__).resolve().parents[4]
CONTEXT = (
    "Rules.\n\nSources:\n\n[1] handbook.md, page 2\nThe notice period is three months.\n\n[2] x"
)


@pytest.fixture(scope="module")
def server():
    with running_fake_server() as server:
        yield server


def post(server, model, path="chat/completions", **body):
    answer = httpx.post(f"{server.base_url}/{path}", json={"model": model, **body})
    return answer.json()["choices"][0]


def test_it_lists_its_models(server):
    models = httpx.get(f"{server.base_url}/models").json()["data"]

    assert {"echo", "cite"} <= {model["id"] for model in models}


def test_it_answers_without_streaming_too(server):
    messages = [{"role": "user", "content": "hello big world"}]

    assert post(server, "echo", messages=messages)["message"]["content"] == "hello big world"
    assert post(server, "echo", "completions", prompt="hello")["text"] == "hello"
    assert server.requests[-1] == {"model": "echo", "prompt": "hello"}


def test_answers_that_wait_for_each_other_are_written_at_once(server):
    with httpx.Client(base_url=server.base_url) as http:
        body = {"model": "numbers:3:0:2", "stream": True}
        with http.stream("POST", "/chat/completions", json=body) as first:
            lines = first.iter_lines()
            assert '"1 "' in next(lines)

            with http.stream("POST", "/chat/completions", json=body) as second:
                for rest in ("".join(lines), "".join(second.iter_lines())):
                    assert '"2 "' in rest
                    assert rest.endswith("data: [DONE]")


def test_cite_quotes_the_first_passage_of_the_prompt(server):
    messages = [{"role": "system", "content": CONTEXT}, {"role": "user", "content": "How long?"}]
    answer = post(server, "cite", messages=messages)["message"]["content"]

    assert answer == "According to the documents: The notice period is three months. [1]."


def test_cite_without_passages_says_so(server):
    messages = [{"role": "user", "content": "How long?"}]

    assert "nothing" in post(server, "cite", messages=messages)["message"]["content"]


def test_unknown_paths_are_404(server):
    assert httpx.get(f"{server.base_url}/other").status_code == 404


def test_it_starts_from_the_shell(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "kb.models.fake.server", "--port", "0"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        address = re.search(r"http://\S+/v1", process.stdout.readline())[0]
        assert httpx.get(f"{address}/models").status_code == 200
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()
