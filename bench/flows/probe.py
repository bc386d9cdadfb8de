"""Runs a program and tells which functions of a checkout are called, and which SQL runs.

    python bench/flows/probe.py CHECKOUT SWITCH SINK (-m MODULE | -c CODE) [ARGUMENT…]

`bench.flows` starts it. While the first byte of the file SWITCH is not 0, every function of the
checkout that is called is written to the pipe SINK, once for each value of that byte, and so is
every SQL statement of `sqlite3`. What the program starts with `python -m` is watched as well. It
imports nothing of the checkout before the program does, so that it fits any commit.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import runpy
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

Record = list[Any]
"""Process id, window, "call", "hop" or "sql", and what belongs to it."""

REST_S = 0.05
PIPE_BYTES = 1 << 20
OTHERS = ("bench/", "tests/", ".venv/")
"""Folders of the checkout that are not the product."""

HOPS = {
    "submit": "concurrent/futures/thread.py",
    "_report_result": "anyio/_backends/_asyncio.py",  # of a call in one of its worker threads
}
"""Functions of libraries that are called once for each piece of work in another thread."""


class Recorder:
    """Watches every thread of this process."""

    def __init__(self, checkout: str, switch: str, sink: str) -> None:
        self._own = [sys.executable, __file__, checkout, switch, sink]
        self._root = checkout + os.sep
        with open(switch, "r+b") as file:
            self._switch = mmap.mmap(file.fileno(), 1)
        self._sink = os.open(sink, os.O_WRONLY)  # a pipe: readers may not write files
        self._windows: dict[CodeType, int] = {}

    def start(self) -> None:
        """Watch from now on."""
        connect, popen = sqlite3.connect, subprocess.Popen.__init__

        def watched(*arguments: Any, **options: Any) -> sqlite3.Connection:
            connection = connect(*arguments, **options)
            connection.set_trace_callback(self._statement)
            return connection

        def started(process: Any, command: Any, *arguments: Any, **options: Any) -> None:
            if isinstance(command, list) and command[0] == sys.executable and "-m" in command:
                at = command.index("-m")
                command = [command[0], *command[1:at], *self._own[1:], *command[at:]]
            popen(process, command, *arguments, **options)

        sqlite3.connect = sqlite3.dbapi2.connect = watched  # type: ignore[attr-defined]
        subprocess.Popen.__init__ = started  # type: ignore[assignment,method-assign]
        threading.setprofile(self._call)
        sys.setprofile(self._call)

    def _call(self, frame: FrameType, event: str, _argument: object) -> None:
        window, code = self._switch[0], frame.f_code
        if not window or event != "call":
            return
        if code.co_filename.endswith(HOPS.get(code.co_name, "/")):
            self._tell(window, "hop")
        if self._windows.get(code) != window:
            self._windows[code] = window
            if name := self._named(code):
                self._tell(window, "call", name)

    def _statement(self, statement: str) -> None:
        if window := self._switch[0]:
            frame: FrameType | None = sys._getframe(1)
            stack: list[str | None] = []
            while frame is not None:
                stack.append(self._named(frame.f_code))
                frame = frame.f_back
            named = [name for name in stack if name]
            self._tell(window, "sql", " ".join(statement.split())[:200], named[:30], len(named))

    def _named(self, code: CodeType) -> str | None:
        """The function as FILE:LINE NAME if it is the product's; None for parts of functions."""
        path = code.co_filename
        if not path.startswith(self._root) or code.co_name.startswith("<"):
            return None
        path = path[len(self._root) :]
        is_other = path.startswith(OTHERS)
        return None if is_other else f"{path}:{code.co_firstlineno} {code.co_name}"

    def _tell(self, window: int, *record: object) -> None:
        os.write(self._sink, json.dumps([os.getpid(), window, *record]).encode() + b"\n")


class Probe:
    """The other end: opens windows and reads what a recorder in a server has seen in them.

    Attributes:
        under: what `bench.measuring.kb_server` runs the server with.
    """

    def __init__(self, folder: Path, checkout: Path) -> None:
        switch, sink = folder / "switch", folder / "sink"
        switch.write_bytes(b"\0")
        os.mkfifo(sink)
        self._pipe = os.open(sink, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._switch = os.open(switch, os.O_WRONLY)
        self._windows = 0
        self.under = (__file__, str(checkout), str(switch), str(sink))

    def seen(self, work: Callable[[], object], rest_s: float = REST_S) -> list[Record]:
        """What happens while something is done, and a little longer."""
        self._windows += 1
        os.pwrite(self._switch, bytes([self._windows]), 0)
        work()
        time.sleep(rest_s)
        os.pwrite(self._switch, b"\0", 0)
        time.sleep(REST_S)
        lines = os.read(self._pipe, PIPE_BYTES).splitlines()
        return [record for line in lines if (record := json.loads(line))[1] == self._windows]


def main() -> None:
    """Run the program under the probe."""
    checkout, switch, sink, kind, program, *arguments = sys.argv[1:]
    sys.argv = [program, *arguments]
    sys.path[0] = checkout
    Recorder(str(Path(checkout).resolve()), switch, sink).start()
    if kind == "-m":
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    else:
        exec(program, {"__name__": "__main__"})


if __name__ == "__main__":
    main()
