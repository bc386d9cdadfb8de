"""SIGKILL at every system call that changes the disk, one after the other, and errors in them.

    python -m bench.crash.points --all
    python -m bench.crash.points --points 25

A child makes a data folder, ingests ten documents in two uploads, replaces two and deletes one, all
in one thread, so that "the n-th call" means the same in each run; strace kills it at that call, or
makes the call fail with ENOSPC or EIO. Then the folder is opened again and the work is finished:
each acknowledged document must be there exactly once, and `fsck` must be content. strace counts
calls by thread, so what the index libraries do in threads of their own is reached only in part; the
share is printed.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.crash.model import Ledger, Version, Violation, listed_once
from bench.crash.steps import STEPS, finished, ledger_after
from bench.measuring import environment

ROOT = Path(__file__).resolve().parents[2]
KILLED_CALLS = (
    "fsync", "fdatasync", "rename", "renameat", "unlink", "pwrite64", "write", "ftruncate", "mkdir"
)  # fmt: skip
FAILING = (("pwrite64", "ENOSPC"), ("ftruncate", "ENOSPC"), ("fsync", "EIO"), ("fdatasync", "EIO"))
"""Not `write`: it wakes threads through descriptors that are not files, and cannot fail there."""
CHILD_S = 120
KILLED = (-9, 128 + 9)
"""What strace ends with when the injected signal ends its child."""
_CALL = re.compile(r"^(\d+) +(?:[\d.]+ )?(\w+)\(")


@dataclass(frozen=True, slots=True)
class Point:
    """The n-th call of a kind (of the thread that gets there first), and what becomes of it."""

    call: str
    number: int
    error: str | None = None

    def __str__(self) -> str:
        return f"{self.call}#{self.number} {self.error or 'SIGKILL'}"

    @property
    def injection(self) -> str:
        """For strace."""
        what = f"error={self.error}" if self.error else "signal=SIGKILL"
        return f"inject={self.call}:{what}:when={self.number}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a child said before its end: steps that were acknowledged, and errors it was told."""

    acknowledged: int
    refused: dict[int, str]
    broken: tuple[str, ...]
    status: int


def counted(folder: Path) -> tuple[list[Point], int]:
    """The points that can be hit, and the number of calls of a run without faults."""
    log = folder / "strace.log"
    outcome = _child(folder / "clean", ["-o", str(log)])
    if outcome.acknowledged != len(STEPS):
        raise Violation(f"a run without faults failed: {outcome}")
    check(folder / "clean", outcome)
    by_thread: Counter[tuple[str, str]] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        if found := _CALL.match(line):
            by_thread[found[2], found[1]] += 1
    most = {call: max((n for (name, _), n in by_thread.items() if name == call), default=0)
            for call in KILLED_CALLS}  # fmt: skip
    points = [Point(call, n) for call, top in most.items() for n in range(1, top + 1)]
    return points, sum(by_thread.values())


def failing(points: Sequence[Point]) -> list[Point]:
    """The same points, with errors instead of a kill."""
    return [
        Point(point.call, point.number, error)
        for point in points
        for call, error in FAILING
        if call == point.call
    ]


def try_point(folder: Path, point: Point) -> Outcome:
    """Fault one run and check what it left.

    Raises:
        Violation: something acknowledged is lost, or something else is not right.
    """
    data = folder / "faulted"
    shutil.rmtree(data, ignore_errors=True)
    outcome = _child(data, ["-o", "/dev/null", "-e", point.injection])
    try:
        check(data, outcome)
    except Violation as exc:
        raise Violation(f"at {point}: {exc} ({outcome})") from exc
    return outcome


def check(data: Path, outcome: Outcome) -> None:
    """Open the folder again, finish the work, and compare."""
    if unclear := [text for text in outcome.refused.values() if not text.startswith("kb.")]:
        raise Violation(f"a step failed without a clear error: {unclear}")
    ledger = ledger_after(outcome.acknowledged, outcome.refused)
    documents, violations, found = finished(data, [v.marker for v in ledger.held.values()])
    ledger.reconcile(listed_once(documents))
    if violations:
        raise Violation(f"fsck: {violations}")
    _compare(ledger, found)


def _compare(ledger: Ledger, found: dict[str, str]) -> None:
    held: dict[str, Version] = {version.marker: version for version in ledger.held.values()}
    for marker, name in found.items():
        if marker in held and held[marker].name != name:
            raise Violation(f"{held[marker].name} is not found by {marker}, but {name!r}")


def _child(data: Path, options: Sequence[str]) -> Outcome:
    ours, theirs = socket.socketpair()
    names = ",".join(KILLED_CALLS)
    # Not with --seccomp-bpf: it is faster, and ignores the signals that are to be injected.
    strace = ["strace", "-f", "-qq", "-e", f"trace={names}"]
    child = [sys.executable, "-m", "bench.crash.steps", str(data), str(theirs.fileno())]
    with ours, theirs:
        try:
            done = subprocess.run(
                [*strace, *options, *child],
                cwd=ROOT,
                env=environment(PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1"),
                pass_fds=[theirs.fileno()],
                capture_output=True,
                timeout=CHILD_S,
                check=False,
            )
        except subprocess.TimeoutExpired as exc:
            raise Violation(f"the child stood still for {CHILD_S} s: {options}") from exc
        theirs.close()
        said = list(_lines(ours))
    broken = tuple(item["broken"] for item in said if "broken" in item)
    refused = {item["step"]: item["refused"] for item in said if "refused" in item}
    acknowledged = sum("acknowledged" in item for item in said)
    if done.returncode not in (0, *KILLED) and not refused and not broken:
        broken = (done.stderr.decode(errors="replace")[-1500:],)
    return Outcome(acknowledged, refused, broken, done.returncode)


def _lines(connection: socket.socket) -> Iterator[dict[str, object]]:
    with connection.makefile("r") as file:
        for line in file:
            yield json.loads(line)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="every point, and every error")
    parser.add_argument("--points", type=int, default=25, help="how many, drawn by chance")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        points, calls = counted(folder)
        every = [*points, *failing(points)]
        print(f"seed {chosen.seed}: {len(points)} points to kill at, of {calls} calls", flush=True)
        if not chosen.all:
            every = random.Random(chosen.seed).sample(every, min(chosen.points, len(every)))
        bad = 0
        for number, point in enumerate(every, start=1):
            try:
                outcome = try_point(folder, point)
                print(f"{number}/{len(every)} {point}: {outcome.acknowledged} acknowledged",
                      *outcome.refused.values(), *outcome.broken, flush=True)  # fmt: skip
            except Violation as exc:
                bad += 1
                print(f"VIOLATION {exc}", flush=True)
    print(f"{len(every)} points, {bad} violations")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
