"""kill -9 at random moments of everything at once, again and again on one data folder.

    python -m bench.crash.crasher --kills 500

Writers upload, replace and delete documents, one by one, in groups and in zips, while a reader
searches and chats; then the server is killed, now and then while it is still starting. After each
kill a new server must have every acknowledged document exactly once, in its last acknowledged
version, must find it, must find nothing that was deleted, and must pass its own check. The seed is
printed; a violation is printed with what was done before, and ends the run with status 1.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.crash.clients import Reader, Writer
from bench.crash.model import Ledger, Violation
from bench.crash.server import CrashedServer, Folder, allocated_bytes
from bench.measuring import percentile

WRITERS = 2
FULL_CHECK_EVERY = 5
KILLED_WHILE_STARTING = 0.15
INDEX_LIMIT_BYTES = 64 << 20
"""Disk for the indexes of a few hundred chunks: a torn graph has grown to gigabytes before."""
SHOWN_HISTORY = 80


@dataclass(slots=True)
class Figures:
    """What a run of the crasher saw."""

    seed: int
    rounds: int = 0
    kills: int = 0
    acknowledged: int = 0
    searches: int = 0
    answers: int = 0
    ready_s: list[float] = field(default_factory=list)
    index_bytes: int = 0
    memory_mib: float = 0

    def __str__(self) -> str:
        slowest = max(self.ready_s)
        middle = percentile(self.ready_s, 0.5)
        return (
            f"seed {self.seed}: {self.kills} kills, {self.acknowledged} acknowledged operations, "
            f"{self.searches} searches and {self.answers} answers checked; ready again after "
            f"{middle:.1f} s (median), {slowest:.1f} s (longest); indexes at most "
            f"{self.index_bytes / 1e6:.1f} MB on disk, server at most {self.memory_mib:.0f} MiB"
        )


class Crasher:
    """Kills a server on one data folder and holds it to its word."""

    def __init__(self, data: Path, seed: int) -> None:
        self._rng = random.Random(seed)
        self._folder = Folder(data)
        self._ledgers = [Ledger(f"w{number}") for number in range(WRITERS)]
        self._history: list[str] = []
        self._server: CrashedServer | None = None
        self.figures = Figures(seed)

    def run(self, kills: int) -> Figures:
        """Kill so many servers, those that were still starting included.

        Raises:
            Violation: a promise was broken; the message ends with the history.
        """
        try:
            self._folder.prepare(self._start())
            while self.figures.kills < kills:
                self.figures.rounds += 1
                self._work_and_kill()
                self._restart()
                self._check(full=self.figures.rounds % FULL_CHECK_EVERY == 0)
            self._check(full=True)
        except Violation as exc:
            told = "\n".join(self._history[-SHOWN_HISTORY:])
            raise Violation(f"{exc}\nseed {self.figures.seed}; before that:\n{told}") from exc
        finally:
            if self._server is not None:
                self._server.kill()
        return self.figures

    def _work_and_kill(self) -> None:
        self._note(f"--- round {self.figures.rounds}")
        server, seeds = self._running(), [self._rng.getrandbits(32) for _ in range(WRITERS + 1)]
        writers = [
            Writer(server, self._folder.dataset_id, ledger, random.Random(seed), self._note)
            for ledger, seed in zip(self._ledgers, seeds, strict=False)
        ]
        reader = Reader(server, self._folder, self._ledgers, random.Random(seeds[-1]))
        failures: list[Exception] = []
        threads = [
            threading.Thread(target=collecting, args=(client.work, failures))
            for client in (*writers, reader)
        ]
        for thread in threads:
            thread.start()
        time.sleep(self._rng.uniform(0.05, 1.2))
        server.kill()
        self.figures.kills += 1
        for thread in threads:
            thread.join()
        self._note("killed")
        if failures:
            raise Violation(repr(failures[0])) from failures[0]
        self.figures.acknowledged += sum(writer.acknowledged for writer in writers)
        self.figures.searches += reader.searches
        self.figures.answers += reader.answers

    def _restart(self) -> None:
        while self._rng.random() < KILLED_WHILE_STARTING:
            delay = self._rng.uniform(0.3, 2.5)
            self._note(f"killed again {delay:.2f} s after its start")
            CrashedServer.killed_while_starting(self._folder.data, delay)
            self.figures.kills += 1
        self._start()

    def _start(self) -> CrashedServer:
        self._server = CrashedServer(self._folder.data)
        self.figures.ready_s.append(self._server.wait_ready())
        return self._server

    def _running(self) -> CrashedServer:
        assert self._server is not None
        return self._server

    def _check(self, *, full: bool) -> None:
        server = self._running()
        self._folder.check(server, self._ledgers, self._rng)
        if not full:
            return
        self._folder.check_all(server, self._ledgers)
        size = allocated_bytes(self._folder.data / "index")
        if size > INDEX_LIMIT_BYTES:
            raise Violation(f"the indexes have grown to {size} bytes")
        self.figures.index_bytes = max(self.figures.index_bytes, size)
        self.figures.memory_mib = max(self.figures.memory_mib, server.memory_mib())

    def _note(self, line: str) -> None:
        self._history.append(line)


def collecting(work: Callable[[], None], failures: list[Exception]) -> None:
    """Work in a thread; what goes wrong is for the main one."""
    try:
        work()
    except Exception as exc:  # carried to the main thread, which ends the run
        failures.append(exc)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    chosen = parser.parse_args()
    print(f"seed {chosen.seed}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            figures = Crasher(Path(folder) / "data", chosen.seed).run(chosen.kills)
        except Violation as exc:
            sys.exit(f"VIOLATION: {exc}")
    print(figures)


if __name__ == "__main__":
    main()
