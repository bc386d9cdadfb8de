"""Faults of every part of a cluster at random moments, again and again on one installation.

    python -m bench.cluster.faults --rounds 200

Two API processes and two workers share Postgres, a Chroma server and S3. While writers upload,
replace and delete through both, and a reader searches and chats, one part is hit: an API process or
a worker is killed with -9, stands still or cannot reach Postgres for longer than it counts as dead,
a server is killed and started again, Chroma or S3 stands still, Chroma comes back empty, or
Postgres is stopped as by a crash.
Where `faketime` is installed, one API process is minutes ahead of the time, and one worker behind
it. After each round every acknowledged document must be there once, in its last version, and be
found through either process, nothing that was deleted may be found, nothing may be stuck, and now
and then `fsck` looks at all of it. The seed is printed; a violation ends the run with status 1.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import httpx

from bench.crash.clients import Reader, Writer
from bench.crash.crasher import collecting
from bench.crash.model import Ledger, Violation
from bench.crash.server import CrashedServer, Folder
from bench.measuring import percentile
from kb.store.work.processes import DEAD_S
from tests.chroma_server import ChromaProcess
from tests.clocks import wrong_clock
from tests.kits import Cluster
from tests.s3_server import S3Server
from tests.severed import Line

APIS, WORKERS = 2, 2
ON_A_LINE = ("api1", "worker1")
"""Who reaches Postgres by a line of their own."""
CLOCKS = {"api0": "+7m", "worker0": "-7m"}
"""Which are wrong, and how much: S3 takes what seems to be signed up to fifteen minutes off."""
FULL_CHECK_EVERY = 5
AFTER_S = 1.0
"""For which clients go on after a fault."""


@dataclass(slots=True)
class Figures:
    """What a run saw."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    searches: int = 0
    answers: int = 0
    settled_s: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        told = ", ".join(f"{name} {count}" for name, count in sorted(self.faults.items()))
        middle, most = percentile(self.settled_s, 0.5), max(self.settled_s)
        return (
            f"seed {self.seed}: {sum(self.faults.values())} faults ({told}); "
            f"{self.acknowledged} acknowledged operations, {self.searches} searches and "
            f"{self.answers} answers checked: none lost, doubled, returned or stuck; all right "
            f"again after {middle:.1f} s (median), {most:.1f} s (longest)"
        )


class FaultyCluster:
    """Processes and servers that are hit, and held to their word."""

    def __init__(
        self,
        folder: Path,
        cluster: Cluster,
        settings: dict[str, str],
        seed: int,
        clocks: Mapping[str, str] = CLOCKS,
    ) -> None:
        self._rng = random.Random(seed)
        self._folder, self._cluster = folder, cluster
        self._settings = {**settings, "KB_CHAT__GRACE_S": "0"}
        self._ledgers = [Ledger(f"w{number}") for number in range(APIS)]
        self._apis: list[CrashedServer] = []
        self._workers: list[CrashedServer] = []
        self._lines = {name: Line(cluster.postgres.port) for name in ON_A_LINE}
        self._clocks = clocks if shutil.which("faketime") else {}
        self._checked = Folder(folder)
        self._history: list[str] = []
        self.figures = Figures(seed)
        self.faults: dict[str, Callable[[], None]] = {
            "api killed": self._kill_api,
            "worker killed": self._kill_worker,
            "worker stopped": self._stop_worker,
            **{f"{name} cut off": partial(self._cut_off, name) for name in ON_A_LINE},
            "Chroma killed": self._kill_chroma,
            "Chroma frozen": partial(self._freeze, cluster.chroma),
            "Chroma emptied": self._empty_chroma,
            "S3 killed": self._kill_s3,
            "S3 frozen": partial(self._freeze, cluster.s3),
            "Postgres crashed": self._crash_postgres,
        }

    def run(self, rounds: int) -> Figures:
        """So many faults, each sort about as often. Raises Violation."""
        try:
            self._apis = [self._api(number) for number in range(APIS)]
            self._workers = [self._worker(number) for number in range(WORKERS)]
            self._checked.prepare(self._apis[0])
            for number in range(rounds):
                name = sorted(self.faults)[number % len(self.faults)]
                self._round(number, name)
                settled_s = self.figures.settled_s[-1]
                print(f"{number + 1} {name}: right again after {settled_s:.1f} s", flush=True)
            self._check(full=True)
        except (Violation, httpx.TransportError) as exc:  # a process that ended refuses
            told = "\n".join(self._history[-80:])
            logs = "\n".join(f"{path.name}:\n{path.read_text()[-20_000:]}" for path in self._logs())
            raise Violation(
                f"{exc}\nseed {self.figures.seed}; before that:\n{told}\n{logs}"
            ) from exc
        finally:
            for process in (*self._apis, *self._workers):
                process.kill()
            for line in self._lines.values():
                line.close()
        return self.figures

    def _logs(self) -> list[Path]:
        return sorted([*self._folder.glob("api*.log"), *self._folder.glob("worker*.log")])

    def _round(self, number: int, name: str) -> None:
        self._history.append(f"--- round {number}: {name}")
        over = threading.Event()
        clients = [
            Writer(
                api,
                self._checked.dataset_id,
                ledger,
                random.Random(self._rng.getrandbits(32)),
                self._history.append,
                over.is_set,
            )
            for api, ledger in zip(self._apis, self._ledgers, strict=True)
        ]
        rng = random.Random(self._rng.getrandbits(32))
        reader = Reader(
            self._rng.choice(self._apis), self._checked, self._ledgers, rng, over.is_set
        )
        failures: list[Exception] = []
        threads = [
            threading.Thread(target=collecting, args=(each.work, failures))
            for each in (*clients, reader)
        ]
        for thread in threads:
            thread.start()
        time.sleep(self._rng.uniform(0.05, 1.5))
        self.faults[name]()
        self._history.append("hit")
        time.sleep(AFTER_S)
        over.set()
        for thread in threads:
            thread.join()
        if failures:
            raise Violation(repr(failures[0])) from failures[0]
        self.figures.faults[name] += 1
        self.figures.acknowledged += sum(writer.acknowledged for writer in clients)
        self.figures.searches += reader.searches
        self.figures.answers += reader.answers
        self._check(full=number % FULL_CHECK_EVERY == 0)

    def _check(self, *, full: bool) -> None:
        began = time.monotonic()
        self._apis = [
            api if api.is_alive() else self._api(number) for number, api in enumerate(self._apis)
        ]
        self._workers = [
            worker if worker.is_alive() else self._worker(number)
            for number, worker in enumerate(self._workers)
        ]
        for api in self._apis:
            api.wait_until_reached()
        self._checked.check(self._rng.choice(self._apis), self._ledgers, self._rng)
        self.figures.settled_s.append(time.monotonic() - began)
        if full:
            for api in self._apis:
                self._checked.check_all(api, self._ledgers)

    def _api(self, number: int) -> CrashedServer:
        process = self._process(f"api{number}", "serve", "--port", "0", "--no-ingest")
        process.wait_ready()
        return process

    def _worker(self, number: int) -> CrashedServer:
        return self._process(f"worker{number}", "worker")

    def _process(self, name: str, *command: str) -> CrashedServer:
        settings = dict(self._settings)
        if name in self._lines:
            own, shared = self._lines[name].port, self._cluster.postgres.port
            url = settings["KB_DATABASE__URL"]
            settings["KB_DATABASE__URL"] = url.replace(f":{shared}/", f":{own}/")
        if name in self._clocks:
            settings |= wrong_clock(FAKETIME=self._clocks[name])
        return CrashedServer(self._folder / name, command, settings)

    def _kill_api(self) -> None:
        self._rng.choice(self._apis).kill()

    def _kill_worker(self) -> None:
        self._rng.choice(self._workers).kill()

    def _stop_worker(self) -> None:
        """Others take over its work; then it goes on as if nothing had happened."""
        worker = self._rng.choice(self._workers)
        worker.signal(signal.SIGSTOP)
        time.sleep(DEAD_S + 2)
        worker.signal(signal.SIGCONT)

    def _cut_off(self, name: str) -> None:
        """Postgres stays silent; at last what was on the way to it arrives, or is lost."""
        line = self._lines[name]
        line.hold()
        time.sleep(DEAD_S + self._rng.uniform(2, 6))
        if self._rng.random() < 0.5:
            line.cut()
        line.go_on()

    def _kill_chroma(self) -> None:
        self._cluster.chroma.kill()
        time.sleep(self._rng.uniform(0, 2))
        self._cluster.chroma.begin()

    def _freeze(self, server: ChromaProcess | S3Server) -> None:
        """It keeps its connections and says nothing, for longer than most requests wait or not."""
        server.pause()
        time.sleep(self._rng.uniform(2, 20))
        server.resume()

    def _empty_chroma(self) -> None:
        self._cluster.chroma.lose_everything()

    def _kill_s3(self) -> None:
        self._cluster.s3.kill()
        time.sleep(self._rng.uniform(0, 2))
        self._cluster.s3.start()

    def _crash_postgres(self) -> None:
        self._cluster.postgres.stop()
        time.sleep(self._rng.uniform(0, 2))
        self._cluster.postgres.start()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--right-clocks", action="store_true", help="all clocks are right")
    chosen = parser.parse_args()
    clocks = {} if chosen.right_clocks else CLOCKS
    print(f"seed {chosen.seed}", flush=True)
    with ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        folder = Path(place)
        cluster = Cluster(folder, stack)
        settings = stack.enter_context(cluster.installation())
        try:
            faulty = FaultyCluster(folder, cluster, settings, chosen.seed, clocks)
            print(faulty.run(chosen.rounds))
        except Violation as exc:
            sys.exit(f"VIOLATION: {exc}")


if __name__ == "__main__":
    main()
