"""A client of the HTTP API for the command line. Everything a `kb` command does goes through it.

So there is one way to do a thing, whether a server runs already or is started for the command.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from kb.errors import KnowledgeBaseError

UPLOAD_FILES = 50
UPLOAD_BYTES = 64 * 1024 * 1024
"""Files and bytes per upload request: progress is seen early, and a broken one costs little."""


class RequestFailed(KnowledgeBaseError):
    """The server answered with an error; its own words say what to do."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class Client:
    """The API of one server, with a key."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(600, connect=10),
            trust_env=False,  # the server is ours: no proxy between
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """The JSON answer to a GET."""
        return _checked(self._http.get(path, params=query)).json()

    def send(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The JSON answer to a POST, PUT, PATCH or DELETE; None without content."""
        answer = _checked(self._http.request(method, path, json=body, params=query))
        return answer.json() if answer.content else None

    def every(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """All items of a list, page by page."""
        cursor: str | None = None
        while True:
            page = self.get(path, limit=200, **query, **({"cursor": cursor} if cursor else {}))
            yield from page["data"]
            cursor = page["next"]
            if cursor is None:
                return

    def dataset(self, name: str) -> dict[str, Any]:
        """The dataset of that name, made if it is missing."""
        for found in self.every("/v1/datasets"):
            if found["name"] == name:
                return found
        made: dict[str, Any] = self.send("POST", "/v1/datasets", {"name": name})
        return made

    def upload(self, dataset_id: str, files: Sequence[tuple[str, Path]]) -> dict[str, Any]:
        """Send one request of (name, path) pairs; returns the server's acceptance."""
        with ExitStack() as stack:
            parts = [
                ("files", (name, stack.enter_context(path.open("rb")), "application/octet-stream"))
                for name, path in files
            ]
            path = f"/v1/datasets/{dataset_id}/documents"
            answer = self._http.post(path, files=parts)
        if answer.status_code == httpx.codes.BAD_REQUEST and "rejected" in answer.text:
            refused: dict[str, Any] = answer.json()
            return {"batch_id": None, "accepted": [], "rejected": refused["rejected"]}
        acceptance: dict[str, Any] = _checked(answer).json()
        return acceptance

    def events(self, method: str, path: str, body: Any = None) -> Iterator[tuple[str, Any]]:
        """(event, data) pairs of a stream."""
        with self._http.stream(method, path, json=body) as answer:
            if answer.is_error:
                answer.read()
            _checked(answer)
            yield from _events(answer.iter_bytes())


def _events(pieces: Iterator[bytes]) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in _lines(pieces):
        if line.startswith(b"event: "):
            name = line[7:].decode()
        elif line.startswith(b"data: "):
            yield name, json.loads(line[6:])


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines


def _checked(answer: httpx.Response) -> httpx.Response:
    if not answer.is_error:
        return answer
    try:
        problem = answer.json()
        raise RequestFailed(problem["code"], problem["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"The server answered {answer.status_code} {answer.reason_phrase}."
        raise RequestFailed("unexpected_answer", detail) from None
