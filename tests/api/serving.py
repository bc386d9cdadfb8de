"""A server of a fresh data folder on a real port, with clients for each kind of key."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from api.server import running
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.settings import EmbeddingSettings, Settings
from tests.server import wait_for_batch


class Spread(httpx.HTTPTransport):
    """Sends each request to any of some servers, as a proxy does that knows of no sessions."""

    def __init__(self, *servers: str) -> None:
        super().__init__()
        self._servers = [httpx.URL(url) for url in servers]
        self._rng = random.Random(len(servers))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        server = self._rng.choice(self._servers)
        request.url = request.url.copy_with(host=server.host, port=server.port)
        return super().handle_request(request)


@dataclass
class Served:
    """A running server, its knowledge base, and a client with its admin key. Requests of clients
    that are made here go to it or to any of `others`."""

    url: str
    kb: KnowledgeBase
    http: httpx.Client
    others: Sequence[str] = ()
    _clients: list[httpx.Client] = field(default_factory=list)

    def client(self, key: str | None) -> httpx.Client:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        transport = Spread(self.url, *self.others)
        made = httpx.Client(base_url=self.url, headers=headers, timeout=30, transport=transport)
        self._clients.append(made)
        return made

    def with_new_key(self, **body: Any) -> httpx.Client:
        return self.client(self.post("/v1/keys", body)["key"])

    def post(self, path: str, body: Any = None, status: int = 201) -> Any:
        answer = self.http.post(path, json=body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def new_dataset(self, name: str, files: dict[str, str] | None = None) -> str:
        """Make a dataset, upload texts into it and wait until they are searchable."""
        dataset_id = self.post("/v1/datasets", {"name": name})["id"]
        if files:
            self.upload(dataset_id, files)
        return dataset_id

    def upload(self, dataset_id: str, files: dict[str, str], **options: str) -> dict[str, str]:
        """Upload texts and wait; returns name → document id."""
        parts = [("files", (name, text.encode())) for name, text in files.items()]
        path = f"/v1/datasets/{dataset_id}/documents"
        answer = self.http.post(path, params=options, files=parts)
        assert answer.status_code == 202, answer.text
        batch = wait_for_batch(self.http, answer.json()["batch_id"])
        assert batch["ready"] == len(files), batch
        return {item["name"]: item["document_id"] for item in batch["documents"]}

    def new_app(self, slug: str, **draft: Any) -> str:
        """Make an app with a draft and publish it; returns its id."""
        app = self.post("/v1/apps", {"slug": slug, "name": slug})
        assert self.http.put(f"/v1/apps/{slug}/draft", json=draft).status_code == 200
        self.post(f"/v1/apps/{slug}/publish")
        return app["id"]


@contextmanager
def serving(data_dir: Path, others: Sequence[str] = (), **sections: Any) -> Iterator[Served]:
    """Serve a data folder with the hash embedder; `sections` are further settings."""
    sections.setdefault("embedding", EmbeddingSettings(model="hash"))
    settings = Settings(data_dir=data_dir, _env_file=None, **sections)
    kb = open_kb(settings)
    try:
        with running(kb) as url, httpx.Client(base_url=url, timeout=30) as http:
            http.headers["authorization"] = f"Bearer {kb.access.admin_key}"
            served = Served(url, kb, http, others)
            yield served
            for client in served._clients:
                client.close()
    finally:
        kb.close()
