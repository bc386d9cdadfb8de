"""A real server process for tests: started by the command that users type, killed if asked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from httpx_sse import EventSource

from tests.kits import kit_environment

ROOT = Path(__file__).resolve().parents[1]
START_S = 60


@dataclass
class ServerProcess:
    """A running `kb serve` and a client with its admin key."""

    process: subprocess.Popen[bytes]
    url: str
    key: str
    data_dir: Path
    log: Path

    @property
    def http(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=60
        )

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    plain = {k: v for k, v in os.environ.items() if not k.upper().startswith("KB_")}
    return {
        **plain,
        "PYTHONPATH": str(ROOT),
        "KB_DATA_DIR": str(data_dir),
        "KB_EMBEDDING__MODEL": "hash",
        **kit_environment(data_dir),
        **settings,
    }


def start_server(
    data_dir: Path, *arguments: str, before: Sequence[str] = (), **settings: str
) -> ServerProcess:
    """Start `kb serve`, after words that run a command, on a free port; wait until it is ready."""
    log = data_dir.parent / f"{data_dir.name}.log"
    given = environment(data_dir, **settings)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*before, sys.executable, "-m", "cli", "serve", "--port", "0", *arguments],
            env=given,
            cwd=data_dir.parent,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + START_S
    announced = data_dir / "server.json"
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended:\n{log.read_text()}")
        with suppress(FileNotFoundError):  # not yet there, or that of a killed one, just removed
            found = json.loads(announced.read_text())
            if found["pid"] == process.pid and _is_ready(found["url"]):
                key = given.get("KB_ADMIN_KEY") or (data_dir / "admin.key").read_text().strip()
                return ServerProcess(process, found["url"], key, data_dir, log)
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"the server was not ready in {START_S} s:\n{log.read_text()}")


@contextmanager
def running_server(
    data_dir: Path, *arguments: str, before: Sequence[str] = (), **settings: str
) -> Iterator[ServerProcess]:
    server = start_server(data_dir, *arguments, before=before, **settings)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()


@contextmanager
def running_worker(
    data_dir: Path, *arguments: str, **settings: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A running `kb worker`, which is killed at the end of the block if it still runs."""
    with data_dir.with_suffix(".log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "worker", *arguments],
            env=environment(data_dir, **settings),
            cwd=data_dir.parent,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def wait_for_batch(http: httpx.Client, batch_id: str, timeout_s: float = 60) -> dict[str, Any]:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        batch = http.get(f"/v1/batches/{batch_id}").json()
        if batch["status"] == "completed":
            return batch
        time.sleep(0.05)
    raise AssertionError(f"the batch did not finish: {batch}")


def frames(answer: httpx.Response) -> Iterator[tuple[int, str, Any]]:
    """The number (0 without one), name and data of each event of a stream."""
    for event in EventSource(answer).iter_sse():
        if event.data:  # httpx_sse makes an event of the blank line behind a ping
            yield int(event.id or 0), event.event, json.loads(event.data)


def ask(http: httpx.Client, app: str, query: str, **fields: Any) -> list[tuple[str, Any]]:
    """Ask over SSE; returns the (event, data) pairs."""
    with http.stream("POST", f"/v1/apps/{app}/chat", json={"query": query, **fields}) as answer:
        assert answer.status_code == 200, answer.read()
        return [(name, data) for _, name, data in frames(answer)]


def answer_of(events: list[tuple[str, Any]]) -> str:
    return "".join(data["text"] for name, data in events if name == "delta")
