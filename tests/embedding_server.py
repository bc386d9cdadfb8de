"""A server of embeddings in every style that there is, over real sockets: it refuses what the real
ones refuse, and fails as it is told. Its vectors are those of the `hash` embedder, not of unit
length, so texts are alike as far as they share words.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kb.models.embed.hash_embedder import HashEmbedder
from kb.models.embed.tokenizer import WordTokenizer

STYLES = ("openai", "tei", "jina", "cohere", "voyage")
PATHS = {"tei": "/embed", "cohere": "/embed"}
TEXTS = {"tei": "inputs", "cohere": "texts"}
MUST_BE = {
    "openai": {"encoding_format": "float"},
    "tei": {"truncate": False},
    "jina": {"truncate": False, "embedding_type": "float"},
    "cohere": {"truncate": "NONE", "embedding_types": ["float"]},
    "voyage": {"truncation": False},
}
ROLES = {
    "jina": ("task", {"retrieval.query", "retrieval.passage"}),
    "cohere": ("input_type", {"search_query", "search_document"}),
    "voyage": ("input_type", {"query", "document"}),
}
MOST_TEXTS = {"openai": 64, "tei": 32, "jina": 64, "cohere": 96, "voyage": 128}
SIZES = {"dimensions", "output_dimension"}


class EmbeddingServer:
    """What it has seen, and how it goes on.

    Attributes:
        faults: one for each request to come: a status, (status, Retry-After), "cut", "few" (one
            vector too few), "twice" (an index twice), "nan", "wide" (other dimensions), "words".
        is_away: connections are closed without an answer until it is unset.
        max_tokens: words and signs that a text may have.
        requests, heads: bodies and headers received, oldest first.
        together: the most requests that were being answered at one time.
    """

    def __init__(self, style: str, *, max_tokens: int = 8192, key: str = "") -> None:
        self.style, self.max_tokens, self.key = style, max_tokens, key
        self.faults: deque[Any] = deque()
        self.is_away = False
        self.requests: list[dict[str, Any]] = []
        self.heads: list[str] = []
        self.together, self._now = 0, 0
        self.meeting: threading.Barrier | None = None
        self._turn = threading.Lock()
        self.url = ""

    @property
    def texts(self) -> list[list[str]]:
        """Those of each request."""
        return [body[TEXTS.get(self.style, "input")] for body in self.requests]

    def answer(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Status and what is sent."""
        if not path.endswith(PATHS.get(self.style, "/embeddings")):
            return 404, {"error": path}
        texts = body[TEXTS.get(self.style, "input")]
        assert MUST_BE[self.style].items() <= body.items(), body
        field, values = ROLES.get(self.style, ("model", {body["model"]}))
        assert body[field] in values
        if len(texts) > MOST_TEXTS[self.style]:
            return 413, {"error": "too many texts"}
        counts = [len(WordTokenizer().offsets(text)) for text in texts]
        if max(counts) > self.max_tokens or "" in texts:
            return 422 if self.style == "tei" else 400, {"error": f"too long: {texts}"}
        size = next((body[name] for name in SIZES if name in body), 64)
        rows = [(3 * HashEmbedder().embed_query(text)[0, :size]).tolist() for text in texts]
        return 200, self.shaped(rows)

    def shaped(self, rows: list[Any]) -> Any:
        """The vectors as the style has them; where they are numbered, last first."""
        if self.style == "tei":
            return rows
        if self.style == "cohere":
            return {"id": "x", "embeddings": {"float": rows}}
        numbered = [{"index": at, "embedding": row} for at, row in enumerate(rows)]
        return {"data": numbered[::-1], "model": "m", "usage": {}}

    def spoiled(self, found: Any, fault: str) -> Any:
        """An answer that is wrong in one way."""
        as_rows = {"tei": lambda: found, "cohere": lambda: found["embeddings"]["float"]}
        rows = as_rows.get(self.style, lambda: [item["embedding"] for item in found["data"]])()
        match fault:
            case "few":
                return self.shaped(rows[:-1])
            case "nan":
                return self.shaped([[float("nan"), *row[1:]] for row in rows])
            case "wide":
                return self.shaped([[*row, 1.0] for row in rows])
            case "twice":
                return {"data": [{"index": 0, "embedding": row} for row in rows]}
        return {"answer": "I am a chatbot"}

    @contextmanager
    def counted(self) -> Iterator[None]:
        """How many are answered together; with a `meeting` they wait for each other."""
        with self._turn:
            self._now += 1
            self.together = max(self.together, self._now)
        try:
            if self.meeting:
                self.meeting.wait(10)
            yield
        finally:
            with self._turn:
                self._now -= 1


@contextmanager
def embedding(style: str = "openai", port: int = 0, **options: Any) -> Iterator[EmbeddingServer]:
    """A server of that style that listens."""
    told = EmbeddingServer(style, **options)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if told.is_away:
                self.close_connection = True
                return
            told.requests.append(body)
            told.heads.append(str(self.headers))
            with told.counted():
                self.reply(body)

        def reply(self, body: dict[str, Any]) -> None:
            fault = told.faults.popleft() if told.faults else None
            if fault == "cut":
                self.close_connection = True
                return
            status, pause = fault if isinstance(fault, tuple) else (fault, None)
            if told.key and f"Bearer {told.key}" not in str(self.headers):
                status = 401
            if isinstance(status, int):
                found: Any = {"error": f"no: {body} {self.headers}"}
            else:
                status, found = told.answer(self.path, body)
                found = told.spoiled(found, fault) if fault else found
            sent = json.dumps(found).encode()
            self.send_response(status)
            if pause is not None:
                self.send_header("retry-after", pause)
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    server = Server(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
