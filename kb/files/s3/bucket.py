"""A bucket, through obstore: the one module that knows its library.

Requests are small enough to end within their time: large objects go and come in pieces. Each is
signed over its bytes and carries their SHA-256, so the store refuses what was damaged on the way.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import MemoryStore, S3Store

from kb.absence import Absence
from kb.errors import StorageUnavailable

if TYPE_CHECKING:
    from obstore.store import RetryConfig

logger = logging.getLogger(__name__)

PIECE_BYTES = 5 << 20
"""The least of a part of a multipart upload."""
TIMEOUT_S = 30.0
"""Of one request, its bytes included."""
SILENT_S = 10.0
"""Without a byte of the answer to a question, a store counts as away."""
PARTS_AT_ONCE = 2
"""Of one file; eight are sent at once, so 100 Mbit/s carry all parts in a quarter of the time."""

_REFUSED = "refuses our keys: see KB_BLOBS__ACCESS_KEY and KB_BLOBS__SECRET_KEY"
_AWAY = "does not answer as it should; nothing was taken, and nothing is lost. Try again"


@dataclass(frozen=True, slots=True)
class Object:
    """One object of a listing; `modified` in seconds since 1970, by the store's clock."""

    name: str
    size: int
    modified: float


class Bucket:
    """The objects below a prefix. Everything may raise StorageUnavailable."""

    def __init__(
        self,
        url: str,
        *,
        endpoint: str | None = None,
        region: str = "us-east-1",
        access_key: str | None = None,
        secret_key: str | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """
        Args:
            url: `s3://bucket/prefix`.
            endpoint: unset, AWS's own for the region.
            access_key: unset, what the machine's role allows.
        """
        self._url = url
        timeout = timedelta(seconds=timeout_s)
        options: dict[str, Any] = {
            "region": region,
            "checksum_algorithm": "SHA256",
            "client_options": {
                "timeout": timeout,
                "connect_timeout": min(timeout, timedelta(seconds=5)),
                "allow_http": bool(endpoint and endpoint.startswith("http:")),
            },
        }
        given = {"endpoint": endpoint, "access_key_id": access_key, "secret_access_key": secret_key}
        options |= {name: value for name, value in given.items() if value is not None}
        retrying: RetryConfig = {"max_retries": 3, "retry_timeout": timeout}
        obstore.put(MemoryStore(), "start", b"")  # its threads rank as the one that first asks it
        self._store = S3Store.from_url(url, **options, retry_config=retrying)
        once: RetryConfig = {"max_retries": 0, "retry_timeout": timeout}
        self._without_retries = S3Store.from_url(url, **options, retry_config=once)
        self._silent_s = min(timeout_s, SILENT_S)
        silent = timedelta(seconds=self._silent_s)
        options["client_options"] |= {"read_timeout": silent}
        retrying = {"max_retries": 3, "retry_timeout": silent}
        self._asked = S3Store.from_url(url, **options, retry_config=retrying)
        self._absence = Absence(self._look)

    def check(self) -> None:
        """Raises StorageUnavailable unless the bucket is there and can be read."""
        self.size("check")  # tells keys that are refused from other errors
        with self._reported(is_write=True):
            for _ in obstore.list(self._asked, "check", chunk_size=1):
                break

    def put(self, key: str, data: bytes) -> bool:
        """Store an object that is not there; whether it was not."""
        with self._reported(is_write=True):
            try:
                obstore.put(self._store, key, data, mode="create")
            except AlreadyExistsError:
                return False
        return True

    def put_file(self, key: str, path: Path) -> None:
        """Store a file of any size; an object that is there is replaced as a whole, at the end."""
        with self._reported(is_write=True):
            obstore.put(
                self._store, key, path, chunk_size=PIECE_BYTES, max_concurrency=PARTS_AT_ONCE
            )

    def size(self, key: str) -> int | None:
        """The bytes of an object; None without one."""
        with self._reported():
            try:
                return obstore.head(self._asked, key)["size"]
            except FileNotFoundError:
                return None

    def pieces(self, key: str) -> Iterator[bytes]:
        """The bytes of an object. Raises FileNotFoundError."""
        with self._reported():
            size = obstore.head(self._asked, key)["size"]
        for start in range(0, size, PIECE_BYTES):
            with self._reported():
                piece = obstore.get_range(
                    self._asked, key, start=start, end=min(size, start + PIECE_BYTES)
                )
            yield bytes(piece)

    def objects(self, prefix: str) -> Iterator[Object]:
        """The objects below a prefix, in the order of their names, which are without it."""
        with self._reported():
            for some in obstore.list(self._asked, prefix):
                for each in some:
                    name = each["path"].removeprefix(f"{prefix}/")
                    yield Object(name, each["size"], each["last_modified"].timestamp())

    def copy(self, key: str, target: str) -> None:
        """Copy an object inside the store. Raises FileNotFoundError."""
        with self._reported():
            obstore.copy(self._store, key, target)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; those that are not there count as deleted. It is tried once: when this
        returns, no request is on its way any more that would delete them later."""
        if wanted := list(keys):
            with self._reported():
                obstore.delete(self._without_retries, wanted)

    def _look(self) -> None:
        with suppress(FileNotFoundError, PermissionDeniedError, UnauthenticatedError):
            obstore.head(self._asked, "check")

    @contextmanager
    def _reported(self, *, is_write: bool = False) -> Iterator[None]:
        if self._absence.is_known:
            raise self._away()
        began = time.monotonic()
        try:
            yield
        except FileNotFoundError as exc:
            if not is_write:
                raise
            raise StorageUnavailable(f"There is no bucket {self._url}. Make it.") from exc
        except (PermissionDeniedError, UnauthenticatedError) as exc:
            raise StorageUnavailable(f"The store of {self._url} {_REFUSED}.") from exc
        except BaseError as exc:
            logger.warning("the store of %s: %s", self._url, str(exc).partition("\n")[0])
            if time.monotonic() - began >= self._silent_s:
                self._absence.begin()
            raise self._away() from exc

    def _away(self) -> StorageUnavailable:
        return StorageUnavailable(f"The store of {self._url} {_AWAY}.")
