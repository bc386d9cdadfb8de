"""A real Chroma server for tests: `chroma run` on a free port, killed and begun again if asked."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

START_S = 60
COMMAND = Path(sys.executable).with_name("chroma")


@dataclass
class ChromaProcess:
    """A running server; `url` stays the same when it is begun again."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def pause(self) -> None:
        """Let it take connections and answer nothing, until it is resumed."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on after a pause."""
        self.process.send_signal(signal.SIGCONT)

    def begin(self) -> None:
        """Run again on the folder as it is."""
        self.process = _running(self.folder, self.port)

    def lose_everything(self) -> None:
        """Come back with an empty folder."""
        self.kill()
        shutil.rmtree(self.folder)
        self.begin()


@contextmanager
def chroma_server(folder: Path) -> Iterator[ChromaProcess]:
    """A server that keeps its files in a folder."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = ChromaProcess(folder, port, _running(folder, port))
    try:
        yield server
    finally:
        server.kill()


def _running(folder: Path, port: int) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.log").open("ab") as log:
        process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig=KILL", COMMAND, "run", "--path", folder),
                *("--host", "127.0.0.1", "--port", str(port)),
            ],
            cwd=folder.parent,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(f"http://127.0.0.1:{port}/api/v2/heartbeat").is_success:
                return process
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"the Chroma server did not start: {Path(log.name).read_text()}")
