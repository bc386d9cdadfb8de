"""A POST of JSON to a model server that a setting names, for work that runs in threads.

Redirects are not followed, for they could lead the texts anywhere, and each connection is looked at
for where it leads before anything is sent over it. Nothing of what a server says in an error is
passed on: servers echo requests.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from kb.outbound.addresses import RefusedAddress, is_named, is_refused

CONNECT_S = 5.0
MISLEADING = (
    "is at a link-local or metadata address: correct its URL, or name its host in "
    "KB_LLM__LINK_LOCAL_HOSTS"
)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer; without one the status is 0, and `problem` says what was wrong."""

    status: int
    body: bytes = b""
    retry_after: str = ""
    problem: str = ""


class Poster:
    """Connections to one address, kept open between requests. Thread-safe.

    Args:
        named: link-local and metadata hosts that may be called all the same, parted by commas.
        max_bytes: most that is read of an answer.
    """

    def __init__(self, url: str, api_key: str | None, *, named: str, max_bytes: int) -> None:
        # A few bytes of a compressed body can become gigabytes.
        headers = {"Accept-Encoding": "identity", "Content-Type": "application/json"}
        headers |= {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(headers=headers, follow_redirects=False)
        self._url, self._named, self._max_bytes = url, named, max_bytes
        self._is_named = is_named(url, named)

    def post(self, body: Mapping[str, Any], timeout_s: float) -> Reply:
        """Send a request once; whatever goes wrong is a reply, too."""
        end, found = time.monotonic() + timeout_s, bytearray()
        try:
            with self._client.stream(
                "POST",
                self._url,
                content=json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"),
                timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_S)),
                extensions={"trace": self._look_at},
            ) as response:
                status = response.status_code
                if status != httpx.codes.OK:
                    return Reply(status, retry_after=response.headers.get("retry-after", ""))
                for block in response.iter_raw():
                    found += block
                    if len(found) > self._max_bytes or time.monotonic() > end:
                        return Reply(0, problem="sends an answer that does not end")
                return Reply(status, bytes(found))
        except RefusedAddress:
            return Reply(0, problem=MISLEADING)
        except httpx.ReadTimeout:
            return Reply(0, problem=f"did not answer within {timeout_s:g} s")
        except (httpx.HTTPError, httpx.InvalidURL):
            return Reply(0, problem="cannot be reached")

    def close(self) -> None:
        """Release connections."""
        self._client.close()

    def _look_at(self, event: str, about: Mapping[str, Any]) -> None:
        if event != "connection.connect_tcp.complete" or self._is_named:
            return
        stream = about["return_value"]
        if is_refused(str(stream.get_extra_info("server_addr")[0]), self._named):
            stream.close()
            raise RefusedAddress
