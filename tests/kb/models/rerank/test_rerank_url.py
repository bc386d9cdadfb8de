"""Rerankers behind a URL, against a real HTTP server that speaks their shapes."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from kb.errors import ModelUnavailable
from kb.models.rerank.reranking import open_reranker

TEXTS = ["about the sun", "about the moon", "about neither"]
Answer = Callable[[dict[str, Any]], tuple[int, Any]]


@contextmanager
def serving(answer: Answer) -> Iterator[tuple[str, list[Any]]]:
    """A reranker at an address, and what it was sent: (path, headers, body)."""
    seen: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            seen.append((self.path, dict(self.headers), body))
            status, found = answer(body)
            sent = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def relevance(url: str, texts: list[str] = TEXTS, **options: Any) -> list[float]:
    settings = {"model": None, "base_url": url, "api_key": None, "timeout_s": 5, **options}
    reranker = open_reranker(cache_dir=None, **settings)
    assert reranker is not None
    return reranker.relevance("moon", texts)


def like_jina(_: dict[str, Any]) -> tuple[int, Any]:
    scored = ((1, 0.9), (0, 0.2), (2, 0.1))  # best first, as they answer
    return 200, {"results": [{"index": i, "relevance_score": score} for i, score in scored]}


def like_tei(_: dict[str, Any]) -> tuple[int, Any]:
    return 200, [{"index": i, "score": score} for i, score in ((1, 0.9), (0, 0.2), (2, 0.1))]


@pytest.mark.parametrize("answer", [like_jina, like_tei])
def test_scores_come_back_in_the_order_of_the_texts(answer):
    with serving(answer) as (url, _):
        assert relevance(url) == [0.2, 0.9, 0.1]


def test_question_texts_model_and_key_are_sent_to_the_rerank_path():
    with serving(like_jina) as (url, seen):
        relevance(f"{url}/v1", model="rerank-en", api_key="secret")
        relevance(f"{url}/rerank")
    (path, headers, body), (other, _, plain) = seen
    assert (path, other) == ("/v1/rerank", "/rerank")
    assert headers["Authorization"] == "Bearer secret"
    assert (body["query"], body["documents"], body["model"]) == ("moon", TEXTS, "rerank-en")
    assert "model" not in plain


def test_logits_become_shares_and_what_is_left_out_gets_nothing():
    with serving(lambda _: (200, [{"index": 1, "score": 4.0}, {"index": 0, "score": -3.0}])) as (
        url,
        _,
    ):
        low, high, absent = relevance(url)
    assert 0 < low < 0.1 < 0.9 < high < 1
    assert absent == 0


@pytest.mark.parametrize(
    "found",
    [
        (500, {"error": "about the sun"}),
        (302, {}),
        (200, b"not json about the sun"),
        (200, {"data": []}),
        (200, [{"index": "x", "score": 1}]),
        (200, [{"index": 0, "score": None}]),
        (200, [{"index": 0, "score": 10**400}]),
        (200, [{"index": 1e999, "score": 1}]),
        (200, b'[{"index": 0, "score": NaN}]'),
        (200, b"[" * 100_000 + b"]" * 100_000),
    ],
)
def test_what_goes_wrong_is_said_without_the_servers_words(found):
    with serving(lambda _: found) as (url, _), pytest.raises(ModelUnavailable) as caught:
        relevance(url)
    assert "sun" not in str(caught.value)


@pytest.mark.parametrize("kind", ["one block without end", "a bomb", "a byte at a time"])
def test_no_more_is_read_than_an_answer_has_and_no_longer_than_is_waited(kind: str):
    """The server says how much it could send before the reader left."""
    sent = 0
    done = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            nonlocal sent
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            if kind == "a bomb":
                self.send_header("content-encoding", "gzip")
            self.end_headers()
            drips = kind == "a byte at a time"
            block = (
                b" " if drips else gzip.compress(bytes(2**26)) if kind == "a bomb" else bytes(2**20)
            )
            try:
                while sent < 2**30:
                    self.wfile.write(block)
                    sent += len(block)
                    if drips and done.wait(0.05):
                        break
            except OSError:
                pass

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(ModelUnavailable):
            relevance(f"http://127.0.0.1:{server.server_port}", timeout_s=1)
    finally:
        done.set()
        server.shutdown()
        server.server_close()
    assert sent < 2**26


def test_a_server_that_is_not_there_is_unavailable():
    with serving(like_jina) as (url, _):
        pass
    with pytest.raises(ModelUnavailable):
        relevance(url)


def test_no_texts_ask_nobody():
    with serving(like_jina) as (url, seen):
        assert relevance(url, texts=[]) == []
    assert seen == []


def test_without_settings_there_is_no_reranker(tmp_path):
    options = {"model": None, "base_url": None, "api_key": None, "timeout_s": 1}
    assert open_reranker(cache_dir=tmp_path, **options) is None
