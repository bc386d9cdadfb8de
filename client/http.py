"""A client of the HTTP API. Everything a `kb` command does goes through it as well.

So there is one way to do a thing, whether a server runs already or is started for the command.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import httpx
from httpx_sse import EventSource

from .errors import DatasetNotFound, RequestFailed, ServerUnreachable

PAGE = 500
"""Items per request of a list: the most that the server gives."""
UPLOAD_FILES = 200
UPLOAD_BYTES = 64 * 1024 * 1024
"""Files and bytes per upload request: progress is seen early, and a broken one costs little."""

KEPT_S = 2.0
"""For the next request: the server closes a connection after five seconds without one, and a
request that is on its way at that moment is lost."""


class Client:
    """The API of one server, with a key.

    Args:
        url: such as http://127.0.0.1:8000. Proxies of the environment are used for https only.
        key: of any kind; what it may do is what works.
    """

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        is_plain = url.startswith("http://")
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(600, connect=10),
            limits=httpx.Limits(keepalive_expiry=KEPT_S),
            trust_env=not is_plain,
            # Loading the machine's roots takes longer than most commands; plain HTTP needs none.
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if is_plain else True,
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """The JSON answer to a GET."""
        with self._reached():
            return _checked(self._http.get(path, params=query)).json()

    def send(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The JSON answer to a POST, PUT, PATCH or DELETE; None without content."""
        with self._reached():
            answer = _checked(self._http.request(method, path, json=body, params=query))
        return answer.json() if answer.content else None

    def every(self, path: str, *, part: str = "data", **query: Any) -> Iterator[dict[str, Any]]:
        """All items of a list, page by page; `part` names the field of the answer that has them."""
        cursor: str | None = None
        while True:
            page = self.get(path, limit=PAGE, **query, **({"cursor": cursor} if cursor else {}))
            yield from page[part]
            cursor = page["next"]
            if cursor is None:
                return

    def dataset(self, name: str) -> dict[str, Any]:
        """The dataset of that name or id. Raises DatasetNotFound."""
        listed = list(self.every("/v1/datasets"))
        for found in listed:
            if name in (found["name"], found["id"]):
                return found
        there = ", ".join(sorted(found["name"] for found in listed)) or "none at all"
        raise DatasetNotFound(f"This key sees no dataset {name!r}. There are: {there}.")

    def dataset_or_new(self, name: str) -> dict[str, Any]:
        """The dataset of that name, made if it is missing."""
        for found in self.every("/v1/datasets"):
            if found["name"] == name:
                return found
        made: dict[str, Any] = self.send("POST", "/v1/datasets", {"name": name})
        return made

    def upload(
        self, dataset_id: str, files: Sequence[tuple[str, Path]], **options: str
    ) -> dict[str, Any]:
        """Send one request of (name, path) pairs; `options` are the query of an upload.

        Returns the server's acceptance.
        """
        with ExitStack() as stack:
            parts = [
                ("files", (name, stack.enter_context(path.open("rb")), "application/octet-stream"))
                for name, path in files
            ]
            path = f"/v1/datasets/{dataset_id}/documents"
            with self._reached():
                answer = self._http.post(path, files=parts, params=options)
        if answer.status_code == httpx.codes.BAD_REQUEST and "rejected" in answer.text:
            refused: dict[str, Any] = answer.json()
            return {"batch_id": None, "accepted": [], "rejected": refused["rejected"]}
        acceptance: dict[str, Any] = _checked(answer).json()
        return acceptance

    def keep(self, name: str, data: bytes | BinaryIO, purpose: str) -> dict[str, Any]:
        """Keep bytes as a file of the key's; returns it, with its `id`."""
        fields, files = {"purpose": purpose}, {"file": (name, data, "application/octet-stream")}
        with self._reached():
            answer = self._http.post("/openai/v1/files", files=files, data=fields)
        found: dict[str, Any] = _checked(answer).json()
        return found

    def preview(self, path: str, file: Path, processing: str | None) -> dict[str, Any]:
        """What an upload of a file would do; `processing` is JSON as a dataset has it."""
        return self.send_file(path, file, {} if processing is None else {"processing": processing})

    def send_file(self, path: str, file: Path, fields: Mapping[str, str]) -> dict[str, Any]:
        """The JSON answer to a POST of one file and further parts."""
        with self._reached(), file.open("rb") as source:
            parts = {"file": (file.name, source, "application/octet-stream")}
            answer = self._http.post(path, files=parts, data=dict(fields))
        found: dict[str, Any] = _checked(answer).json()
        return found

    def store(self, file: Path, purpose: str) -> dict[str, Any]:
        """Keep a file on the server for a purpose, such as `fine-tune`."""
        with file.open("rb") as source:
            return self.keep(file.name, source, purpose)

    def events(self, method: str, path: str, body: Any = None) -> Iterator[tuple[str, Any]]:
        """(event, data) pairs of a stream."""
        with self._reached(), self._http.stream(method, path, json=body) as answer:
            if answer.is_error:
                answer.read()
            _checked(answer)
            for event in EventSource(answer).iter_sse():
                if event.data:  # httpx_sse makes an event of the blank line behind a ping
                    yield event.event, json.loads(event.data)

    def download(self, method: str, path: str, target: BinaryIO) -> None:
        """Write the body of an answer to a file as it comes."""
        with self._reached(), self._http.stream(method, path) as answer:
            if answer.is_error:
                answer.read()
            _checked(answer)
            for piece in answer.iter_bytes(1 << 20):
                target.write(piece)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as exc:
            raise ServerUnreachable(
                f"The server at {self._url} does not answer. See whether it still runs."
            ) from exc


def _checked(answer: httpx.Response) -> httpx.Response:
    if not answer.is_error:
        return answer
    try:
        problem = answer.json()
        problem = problem.get("error") or problem  # of OpenAI's API
        raise RequestFailed(problem["code"], problem.get("detail") or problem["message"])
    except (ValueError, KeyError, TypeError, AttributeError):
        detail = f"The server answered {answer.status_code} {answer.reason_phrase}."
        raise RequestFailed("unexpected_answer", detail) from None
