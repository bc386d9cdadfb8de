"""A service that fine-tunes, as OpenAI or DashScope answer, on a real socket with nothing behind.

It is busy at first, takes files, and moves a job one state further at each look.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-very-secret"
STATES = {
    "openai": ["validating_files", "running", "running", "succeeded"],
    "dashscope": ["PENDING", "QUEUING", "RUNNING", "SUCCEEDED"],
}


@dataclass
class FakeService:
    """What it was sent: the bytes of files, the bodies of jobs, and what was asked of them."""

    speech: str
    url: str = ""
    files: list[bytes] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    verbs: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    looks: int = 0
    busy: int = 2
    fails: bool = False
    nameless: bool = False
    drops: int = 0
    """So many jobs are made without an answer: the caller learns nothing of them."""

    def file_answer(self) -> dict[str, Any]:
        name = f"file-{len(self.files)}"
        if self.speech == "dashscope":
            return {"data": {"uploaded_files": [{"file_id": name}], "failed_uploads": []}}
        return {"id": name, "object": "file"}

    def job_answer(self) -> dict[str, Any]:
        states = STATES[self.speech]
        state = states[min(self.looks, len(states) - 1)]
        state = "failed" if self.fails and self.looks else state
        is_done = state.lower() == "succeeded"
        if self.speech == "dashscope":
            output = {"job_id": "ft-2", "status": state, "finetuned_output": "qwen-ft-2"}
            return {"output": output | ({"usage": 480} if is_done else {})}
        error = {"code": "exceeded_quota", "message": f"Pay for {KEY}."} if self.fails else None
        named = {} if self.nameless else {"fine_tuned_model": "ft:gpt:org::1"}
        made = {**named, "trained_tokens": 480} if is_done else {}
        return {"id": "ftjob-1", "status": state, "error": error, **made}

    def list_answer(self) -> dict[str, Any]:
        strange = {"training_file": "file-of-others", "training_file_ids": ["file-of-others"]}
        made = [{**strange, "id": "ftjob-9", "job_id": "ft-9"}]
        name = self.job_answer()["output"]["job_id"] if self.speech == "dashscope" else "ftjob-1"
        made += [{**body, "id": name, "job_id": name} for body in self.jobs]
        return {"output": {"jobs": made}} if self.speech == "dashscope" else {"data": made}

    def events(self) -> dict[str, Any]:
        made = [
            {
                "id": f"ftevent-{n}",
                "level": "info",
                "message": f"Step {n}",
                "type": "metrics",
                "data": {"step": n, "train_loss": 1 / n, "header": f"Bearer {KEY}"},
            }
            for n in range(1, self.looks + 2)
        ]
        return {"object": "list", "data": made[::-1]}


@contextmanager
def running(speech: str) -> Iterator[FakeService]:
    """The service, while the block runs."""
    service = FakeService(speech)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"] or 0))
            self._keep_key()
            if self.path.rstrip("/").endswith("files"):
                service.files.append(re.split(rb"\r\n\r\n", body)[-1].rpartition(b"\r\n--")[0])
                content = next(part for part in body.split(b"\r\n\r\n")[1:] if b"messages" in part)
                service.files[-1] = content.rpartition(b"\r\n--")[0]
                self._answer(service.file_answer())
            elif self.path.rpartition("/")[2] in ("cancel", "pause", "resume"):
                service.verbs.append(self.path.rpartition("/")[2])
                self._answer(service.job_answer())
            else:
                service.jobs.append(json.loads(body))
                if service.drops:
                    service.drops -= 1
                    self.close_connection = True
                    return
                self._answer(service.job_answer())

        def do_GET(self) -> None:
            self._keep_key()
            if service.busy:
                service.busy -= 1
                self._answer({"error": {"code": "rate_limited"}}, 429)
            elif "/events" in self.path:
                self._answer(service.events())
            elif self.path.partition("?")[0].endswith(("/fine_tuning/jobs", "/fine-tunes")):
                self._answer(service.list_answer())
            else:
                service.looks += 1
                self._answer(service.job_answer())

        def _keep_key(self) -> None:
            service.keys.add(self.headers["authorization"] or self.headers["api-key"] or "")

        def _answer(self, body: dict[str, Any], status: int = 200) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
