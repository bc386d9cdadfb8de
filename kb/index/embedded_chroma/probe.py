"""Opens vector indexes in a child process, to see whether one would take the process down.

A graph that was torn while it was written can crash whoever loads or walks it, and nothing in that
process can catch it (chroma-core/chroma#7510). So a child does it first: what it dies of is found
by how far it has come.
"""

from __future__ import annotations

import logging
import os
import queue
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from kb.protocols import IndexKey

logger = logging.getLogger(__name__)

GLANCE_S = 0.2
PATIENCE_S = 120.0
"""For one index: damaged links can also lead in circles. 100,000 chunks take about 5 s."""


def probed(
    root: Path, keys: Sequence[IndexKey], is_stopping: Callable[[], bool]
) -> Iterator[tuple[IndexKey, bool]]:
    """Each index, and whether a child could open, read and walk it without finding damage."""
    waiting = list(keys)
    while waiting and not is_stopping():
        for line in _survived(root, waiting, is_stopping):
            yield waiting.pop(0), line.strip() == b"whole"
        if waiting and not is_stopping():
            logger.warning("opening an index of dataset %s is not safe", waiting[0].dataset_id)
            yield waiting.pop(0), False


def _survived(
    root: Path, keys: Sequence[IndexKey], is_stopping: Callable[[], bool]
) -> Iterator[bytes]:
    """One line for each index, in order, until the child ends or stands still."""
    names = [f"{key.dataset_id}/{key.generation}" for key in keys]
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "kb.index.embedded_chroma.probe", str(root.resolve())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdin.write("\n".join(names).encode())
            child.stdin.close()
            lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
            threading.Thread(target=_read, args=(child.stdout, lines), daemon=True).start()
            for _ in names:
                line = _next(lines, is_stopping)
                if not line:
                    return
                yield line
        except BrokenPipeError:
            return
        finally:
            child.kill()


def _next(lines: queue.SimpleQueue[bytes], is_stopping: Callable[[], bool]) -> bytes:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and not is_stopping():
        try:
            return lines.get(timeout=GLANCE_S)
        except queue.Empty:
            continue
    return b""


def _read(source: IO[bytes], lines: queue.SimpleQueue[bytes]) -> None:
    for line in source:
        lines.put(line)
    lines.put(b"")


def main() -> None:
    """The child: say when each index is done."""
    from kb.errors import IndexDamaged
    from kb.index.embedded_chroma.vectors import ChromaVectors

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    vectors = ChromaVectors(Path(sys.argv[1]), open_limit=1)
    for line in sys.stdin.read().split():
        dataset_id, _, generation = line.partition("/")
        try:
            vectors.exercise(IndexKey(dataset_id, int(generation)))
            sys.stdout.write("whole\n")
        except IndexDamaged:
            sys.stdout.write("damaged\n")
        sys.stdout.flush()
    vectors.close()


if __name__ == "__main__":
    main()
