"""A Chroma server's HTTP interface, version 2, with timeouts and errors that say what to do.

Chroma's own client waits for ever, reads settings from the environment and a `.env` file in the
working folder, and takes 0.4 s of processor time and 77 MB to import. A question over urllib3 takes
half the processor time of one over httpx (0.5 and 0.9 ms), which counts in each search.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import orjson
import urllib3

from kb.absence import Absence
from kb.errors import Rejected, Unavailable

PLACE = "/api/v2/tenants/default_tenant/databases/default_database"
"""Tenants are no boundary in Chroma: whose a collection is, is in its name, and checked in SQL."""
CONNECT_S = 2.0
CONNECTIONS = 64
_AWAY = {HTTPStatus.TOO_MANY_REQUESTS, *range(HTTPStatus.BAD_GATEWAY, 600)}
"""What a proxy says when the server behind it is not there."""
_DONE = range(200, 300)
_DENIED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


class Missing(Exception):
    """The server has no such collection."""


class Refused(Exception):
    """The server could not do what was asked; its words are the message."""


class ChromaServer:
    """One server. Thread-safe. Nothing is sent before the first question."""

    def __init__(self, url: str, headers: Mapping[str, str], *, timeout_s: float) -> None:
        """
        Args:
            headers: sent with each request, such as a proxy's token; they appear in no message.
            timeout_s: for the answer to a question; what writes has its own.

        Raises:
            Rejected: the address is not one of HTTP.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Rejected("KB_CHROMA__URL must be an address such as http://chroma:8000.")
        self._url = url.rstrip("/")
        self._address = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
        self._headers = {**headers, "Content-Type": "application/json"}
        self._timeout_s = timeout_s
        self._connections = urllib3.PoolManager(maxsize=CONNECTIONS, retries=False)
        self.absence = Absence(self.largest_batch)

    def ask(
        self, method: str, path: str, body: object = None, *, timeout_s: float | None = None
    ) -> Any:
        """One request below the database; returns what the answer's JSON says.

        Raises:
            Missing: there is no such collection.
            Refused: it is there and does not do it.
            Unavailable: the server is not there, or does not let us in.
        """
        return self._sent(method, f"{PLACE}{path}", body, timeout_s or self._timeout_s)

    def largest_batch(self) -> int:
        """Rows that it takes at once. Raises Unavailable."""
        found = self._sent("GET", "/api/v2/pre-flight-checks", None, self._timeout_s)
        return int(found["max_batch_size"])

    def check_not_away(self) -> None:
        """Raises Unavailable, at once, from a try in vain on until it has answered again."""
        if self.absence.is_known:
            raise self._away()

    def close(self) -> None:
        """Close all connections; a later question opens new ones."""
        self.absence.end()
        self._connections.clear()

    def _sent(self, method: str, path: str, body: object, timeout_s: float) -> Any:
        content = None if body is None else orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
        limits = urllib3.Timeout(connect=CONNECT_S, read=timeout_s)
        try:
            answer = self._connections.urlopen(
                method,
                f"{self._url}{path}",
                redirect=False,
                body=content,
                headers=self._headers,
                timeout=limits,
            )
            found = self._read(answer.status, answer.data)
        except (urllib3.exceptions.HTTPError, orjson.JSONDecodeError) as exc:
            self.absence.begin()
            raise self._away() from exc
        self.absence.end()
        return found

    def _read(self, status: int, answer: bytes) -> Any:
        if status in _DONE:
            return orjson.loads(answer)
        if status == HTTPStatus.NOT_FOUND:
            raise Missing
        if status in _DENIED:
            raise Unavailable(
                f"The Chroma server at {self._address}, or the proxy before it, does not let us in "
                f"(HTTP {status}). Set KB_CHROMA__HEADERS."
            )
        if status in _AWAY:
            raise urllib3.exceptions.HTTPError(f"status {status}")
        raise Refused(answer.decode(errors="replace")[:1000])

    def _away(self) -> Unavailable:
        return Unavailable(
            f"The Chroma server at {self._address} does not answer. Start it, or set "
            "KB_CHROMA__URL; the database answers meanwhile."
        )
