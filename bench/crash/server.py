"""The server that the crasher kills, and what is checked when it has come back."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx

from bench.crash.model import Away, Ledger, Version, Violation, listed_once, split_by_owner
from bench.measuring import environment, memory_mib

ROOT = Path(__file__).resolve().parents[2]
READY_S = 240
"""On a busy machine; the time that it really takes is measured and printed."""
IDLE_S = 120
APP = "crash"


class CrashedServer:
    """A `kb serve` process on a data folder that outlives it."""

    def __init__(
        self,
        data: Path,
        command: Sequence[str] = ("serve", "--port", "0"),
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._data = data
        self._settings = settings
        self._began = time.monotonic()
        self._log = data.with_suffix(".log")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli", *command],
                env=environment(
                    KB_DATA_DIR=str(data),
                    KB_EMBEDDING__MODEL="hash",
                    KB_INGEST__MAX_ATTEMPTS="20",  # kills come faster here than in any life
                    KB_LOG_LEVEL="warning",
                    PYTHONPATH=str(ROOT),
                    **settings,
                ),
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
        self.url = ""
        self.key = ""

    @classmethod
    def killed_while_starting(cls, data: Path, delay_s: float) -> None:
        """Start one and kill it so many seconds later, ready or not."""
        server = cls(data)
        time.sleep(delay_s)
        server.kill()

    def wait_ready(self) -> float:
        """Seconds from the start of the process until it was ready."""
        while time.monotonic() < self._began + READY_S:
            if self._process.poll() is not None:
                raise Violation(f"the server ended by itself:\n{self.log()}")
            with suppress(FileNotFoundError):  # not yet there, or just withdrawn
                found = json.loads((self._data / "server.json").read_text())
                if found["pid"] == self._process.pid:
                    self.url = found["url"]
                    own = self._data / "admin.key"
                    self.key = self._settings.get("KB_ADMIN_KEY") or own.read_text().strip()
                    return time.monotonic() - self._began
            time.sleep(0.01)
        self.kill()
        raise Violation(f"the server was not ready in {READY_S} s:\n{self.log()}")

    def wait_until_reached(self) -> None:
        """Return when it says that it is ready. Raises Violation if it never does."""
        deadline = time.monotonic() + READY_S
        with self.client() as http:
            while (answer := http.get("/readyz")).status_code != 200:
                if time.monotonic() > deadline:
                    raise Violation(f"not ready after {READY_S} s: {answer.text}\n{self.log()}")
                time.sleep(0.1)

    def client(self) -> httpx.Client:
        """A client with the admin key."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Any other signal."""
        self._process.send_signal(number)

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def memory_mib(self) -> float:
        """The most memory that the process has had, in MiB."""
        return memory_mib(self._process.pid, "VmHWM")

    def log(self) -> str:
        """The end of what the servers of this folder logged."""
        return self._log.read_text()[-3000:]


@dataclass(slots=True)
class Folder:
    """A data folder with one dataset, one app, and the answers that were given."""

    data: Path
    dataset_id: str = ""
    answers: list[tuple[str, str]] = field(default_factory=list)

    def prepare(self, server: CrashedServer) -> None:
        """Make the dataset and the app."""
        with server.client() as http:
            made = http.post("/v1/datasets", json={"name": "crash"})
            self.dataset_id = made.raise_for_status().json()["id"]
            http.post("/v1/apps", json={"slug": APP, "name": APP}).raise_for_status()
            draft = {"prompt": "Answer from this:\n{{context}}", "dataset_ids": [self.dataset_id]}
            http.put(f"/v1/apps/{APP}/draft", json=draft).raise_for_status()
            http.post(f"/v1/apps/{APP}/publish").raise_for_status()

    def check(self, server: CrashedServer, ledgers: Sequence[Ledger], rng: random.Random) -> None:
        """Wait until all is indexed; then what was touched, and some of the rest, must be right."""
        with server.client() as http:
            self._reconcile(http, ledgers)
            for ledger in ledgers:
                untouched = sorted(ledger.held.keys() - ledger.changed)
                some = rng.sample(untouched, min(3, len(untouched)))
                for name in [*some, *sorted(ledger.changed & ledger.held.keys())]:
                    self._must_find(http, ledger.held[name])
                for marker in (*ledger.gone, *ledger.replaced):
                    self._must_not_find(http, marker)
                ledger.forget_round()
            self._must_remember(http)

    def check_all(self, server: CrashedServer, ledgers: Sequence[Ledger]) -> None:
        """Every document, and the server's own check of everything."""
        with server.client() as http:
            self._reconcile(http, ledgers)
            for ledger in ledgers:
                for version in ledger.held.values():
                    self._must_find(http, version)
            report = http.post("/v1/fsck").raise_for_status().json()
            if not report["clean"]:
                raise Violation(f"fsck: {report['violations']}")
            held = sum(len(ledger.held) for ledger in ledgers)
            if report["documents"] != held:
                raise Violation(f"{report['documents']} documents are stored, not {held}")

    def search(self, http: httpx.Client, marker: str) -> list[dict[str, Any]]:
        """The hits for a marker."""
        body = {"query": marker, "top_k": 3}
        answer = answered(http.post(f"/v1/datasets/{self.dataset_id}/search", json=body))
        if answer.status_code != 200:
            raise Violation(f"a search was answered with {answer.status_code}: {answer.text}")
        hits: list[dict[str, Any]] = answer.json()["hits"]
        return hits

    def _reconcile(self, http: httpx.Client, ledgers: Sequence[Ledger]) -> None:
        found = listed_once(self._wait_idle(http))
        for ledger, own in split_by_owner(found, ledgers):
            ledger.reconcile(own)

    def _wait_idle(self, http: httpx.Client) -> list[dict[str, Any]]:
        deadline = time.monotonic() + IDLE_S
        while time.monotonic() < deadline:
            every = list(self._documents(http))
            if not any(item["status"] in ("pending", "indexing") for item in every):
                return every
            time.sleep(0.05)
        stuck = [item["name"] for item in every if item["status"] in ("pending", "indexing")]
        raise Violation(f"nothing works on {stuck}, {IDLE_S} s after the start")

    def _documents(self, http: httpx.Client) -> Iterator[dict[str, Any]]:
        cursor: str | None = None
        while True:
            query: dict[str, Any] = {"limit": 200, **({"cursor": cursor} if cursor else {})}
            answer = http.get(f"/v1/datasets/{self.dataset_id}/documents", params=query)
            page = answer.raise_for_status().json()
            yield from page["data"]
            cursor = page["next"]
            if cursor is None:
                return

    def _must_find(self, http: httpx.Client, version: Version) -> None:
        hits = self.search(http, version.marker)
        if not any(
            hit["document_name"] == version.name and version.marker in hit["text"] for hit in hits
        ):
            raise Violation(f"{version.name} is not found by {version.marker}")

    def _must_not_find(self, http: httpx.Client, marker: str) -> None:
        if any(marker in hit["text"] for hit in self.search(http, marker)):
            raise Violation(f"{marker} was deleted or replaced, and is found")

    def _must_remember(self, http: httpx.Client) -> None:
        for conversation, message in self.answers:
            answer = http.get(f"/v1/conversations/{conversation}/messages")
            if answer.status_code != 200 or message not in answer.text:
                raise Violation(f"the answer {message} is not stored: {answer.text[:300]}")
        self.answers.clear()


def answered(answer: httpx.Response) -> httpx.Response:
    """The same. Raises Away if a part of the server is."""
    if answer.status_code == 503:
        raise Away(answer.text)
    return answer


def allocated_bytes(folder: Path) -> int:
    """What the files under a folder take on disk, or claim to hold if that is more."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                found = (Path(parent) / name).stat()
            except FileNotFoundError:  # a server is at work there
                continue
            total += max(found.st_blocks * 512, found.st_size)
    return total
