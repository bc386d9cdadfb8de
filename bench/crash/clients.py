"""What clients do while the server is killed under them: write, search and chat, until it dies."""

from __future__ import annotations

import io
import random
import time
import zipfile
from collections.abc import Callable, Sequence
from typing import Any

import httpx

from bench.crash.model import Away, Ledger, Version, Violation
from bench.crash.server import APP, CrashedServer, Folder, answered

NAMES = 24
"""Names per writer: few, so that replacing and deleting are as common as adding."""
LOST = (httpx.TransportError, Away)


class Writer:
    """Uploads, replaces and deletes the documents of one ledger."""

    def __init__(
        self,
        server: CrashedServer,
        dataset_id: str,
        ledger: Ledger,
        rng: random.Random,
        note: Callable[[str], None],
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        self._server = server
        self._is_over = is_over
        self._dataset = f"/v1/datasets/{dataset_id}/documents"
        self._ledger = ledger
        self._rng = rng
        self._note = note
        self.acknowledged = 0

    def work(self) -> None:
        """Until the server is gone, or it is over. Raises Violation where it refuses."""
        kinds = ("upload", "put", "zip", "again", "delete")
        with self._server.client() as http:
            while not self._is_over():
                kind = self._rng.choices(kinds, weights=(5, 2, 1, 1, 3))[0]
                try:
                    getattr(self, f"_{kind}")(http)
                except LOST:
                    return
                time.sleep(self._rng.uniform(0, 0.03))

    def _upload(self, http: httpx.Client) -> None:
        versions = self._versions(self._rng.randint(1, 4))
        parts = [("files", (version.name, version.text)) for version in versions]
        self._send(versions, lambda: http.post(self._dataset, files=parts))

    def _put(self, http: httpx.Client) -> None:
        (version,) = self._versions(1)
        url = f"{self._dataset}/by-name/{version.name}"
        self._send([version], lambda: http.put(url, content=version.text))

    def _zip(self, http: httpx.Client) -> None:
        # Names of their own: a zip is unpacked later, over what was uploaded in between.
        prefix = f"{self._ledger.prefix}/zip{self._ledger.serial}"
        names = [f"{prefix}-{number}.md" for number in range(self._rng.randint(2, 6))]
        versions = [self._ledger.write(self._rng, name) for name in names]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for version in versions:
                archive.writestr(version.name, version.text)
        name = f"{self._ledger.prefix}-{self._ledger.serial}.zip"
        parts = [("files", (name, packed.getvalue()))]
        self._send(versions, lambda: http.post(self._dataset, files=parts))

    def _again(self, http: httpx.Client) -> None:
        """The same bytes once more change nothing."""
        if self._ledger.held:
            version = self._ledger.held[self._rng.choice(sorted(self._ledger.held))]
            parts = [("files", (version.name, version.text))]
            self._send([version], lambda: http.post(self._dataset, files=parts))

    def _delete(self, http: httpx.Client) -> None:
        known = sorted(self._ledger.held.keys() & self._ledger.ids.keys())
        if not known:
            return
        name = self._rng.choice(known)
        self._begin({name: None}, f"delete {name}")
        answer = answered(http.delete(f"/v1/documents/{self._ledger.ids[name]}"))
        if answer.status_code != 204:
            raise Violation(f"deleting {name}: {answer.status_code} {answer.text}")
        self._confirm({})

    def _send(self, versions: Sequence[Version], request: Callable[[], httpx.Response]) -> None:
        described = " ".join(f"{version.name}={version.marker}" for version in versions)
        self._begin({version.name: version for version in versions}, f"upload {described}")
        answer = answered(request())
        if answer.status_code != 202:
            raise Violation(f"upload of {described}: {answer.status_code} {answer.text}")
        accepted = answer.json()["accepted"]
        self._confirm({item["name"]: item["document_id"] for item in accepted})

    def _begin(self, change: dict[str, Version | None], line: str) -> None:
        self._note(f"{self._ledger.prefix}: {line}")
        self._ledger.begin(change)

    def _confirm(self, ids: dict[str, str]) -> None:
        self._ledger.acknowledge({n: key for n, key in ids.items() if n in self._ledger.held})
        self._note(f"{self._ledger.prefix}: acknowledged")
        self.acknowledged += 1

    def _versions(self, number: int) -> list[Version]:
        names = self._rng.sample(range(NAMES), number)
        return [
            self._ledger.write(self._rng, f"{self._ledger.prefix}/{name:02}.md") for name in names
        ]


class Reader:
    """Searches and chats about what nobody changes meanwhile, and about what was deleted."""

    def __init__(
        self,
        server: CrashedServer,
        folder: Folder,
        ledgers: Sequence[Ledger],
        rng: random.Random,
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        self._server = server
        self._is_over = is_over
        self._folder = folder
        self._ledgers = ledgers
        self._rng = rng
        self.searches = 0
        self.answers = 0

    def work(self) -> None:
        """Until the server is gone, or it is over. Raises Violation for a wrong answer."""
        with self._server.client() as http:
            while not self._is_over():
                ledger = self._rng.choice(self._ledgers)
                try:
                    self._rng.choice((self._find, self._chat, self._miss))(http, ledger)
                except LOST:
                    return
                time.sleep(self._rng.uniform(0, 0.05))

    def _find(self, http: httpx.Client, ledger: Ledger) -> None:
        if (version := self._untouched(ledger)) is None:
            http.get("/healthz")  # with nothing to ask, this tells when the server is gone
            return
        hits = self._folder.search(http, version.marker)
        named = [hit["document_name"] for hit in hits]
        if version.name not in named and version.name not in ledger.changed:
            raise Violation(f"{version.name} was not found by {version.marker}: {named}")
        self.searches += 1

    def _miss(self, http: httpx.Client, ledger: Ledger) -> None:
        if not ledger.gone:
            return
        marker = self._rng.choice(ledger.gone)
        if any(marker in hit["text"] for hit in self._folder.search(http, marker)):
            raise Violation(f"{marker} was deleted, and is found")
        self.searches += 1

    def _chat(self, http: httpx.Client, ledger: Ledger) -> None:
        if (version := self._untouched(ledger)) is None:
            return
        body = {"query": f"Where does {version.marker} stand?", "stream": False}
        answer = answered(http.post(f"/v1/apps/{APP}/chat", json=body))
        if answer.status_code != 200:
            raise Violation(f"a chat was answered with {answer.status_code}: {answer.text}")
        said: dict[str, Any] = answer.json()
        cited = [citation["document_name"] for citation in said["citations"]]
        if version.name not in cited and version.name not in ledger.changed:
            raise Violation(f"{version.name} is not cited for {version.marker}: {said['answer']}")
        self._folder.answers.append((said["conversation_id"], said["message_id"]))
        self.answers += 1

    def _untouched(self, ledger: Ledger) -> Version | None:
        names = sorted(ledger.held.keys() - ledger.changed)
        return ledger.held.get(self._rng.choice(names)) if names else None
