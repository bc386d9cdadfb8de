"""What the benchmarks share: fresh processes, their CPU time and memory, medians, one table.

Machines are shared and speeds wander, so everything that is compared is run in turns within one
invocation (A B A B), and what counts is the ratio of medians.
"""

from __future__ import annotations

import json
import math
import os
import platform
import resource
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[1]
MIB = 1024 * 1024
START_S = 120


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share (0..1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two middle ones."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far, in its threads but not its children.

    To the nanosecond, from the kernel's clock of that process (clock_getcpuclockid): the figures in
    /proc are sampled at every tick, and miss or inflate work that is done in short bursts.
    """
    return time.clock_gettime((~pid << 3) | 2)


class Clock:
    """Wall seconds, and processor seconds of this process and of the children that have ended."""

    def __init__(self) -> None:
        self._cpu_s = self._cpu()
        self._began = time.perf_counter()
        self.seconds = 0.0

    def stop(self) -> None:
        """The wall clock stops; what ends later still counts as processor time."""
        self.seconds = time.perf_counter() - self._began

    def cpu_s(self) -> float:
        """Processor seconds so far."""
        return self._cpu() - self._cpu_s

    @staticmethod
    def _cpu() -> float:
        used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(part.ru_utime + part.ru_stime for part in used)


def memory_mib(pid: int | str, field: str = "VmRSS") -> float:
    """Resident memory of a process in MiB; `VmHWM` is its peak, `Pss` has what it shares divided
    among all who do."""
    name = "smaps_rollup" if field == "Pss" else "status"
    for line in Path(f"/proc/{pid}/{name}").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"/proc/{pid}/{name} has no {field}")


def use_cores(count: int) -> None:
    """Keep this process and its children on so many cores, so that both sides get the same."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def environment(**settings: str) -> dict[str, str]:
    """This environment without settings of ours, plus some; modules are compiled once, as after an
    installation."""
    left_out = ("KB_", "PYTHONDONTWRITEBYTECODE")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return {**plain, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", **settings}


def in_fresh_process(module: str, *arguments: str, **settings: str) -> dict[str, Any]:
    """Run `python -m module …` and read the JSON object on the last line that it prints."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(
        command, env=environment(**settings), cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A `kb serve` process that is ready; `started_s` is the time that took."""

    process: subprocess.Popen[bytes]
    url: str
    key: str
    started_s: float

    def client(self) -> httpx.Client:
        """A client with the admin key."""
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=300, trust_env=False)


@contextmanager
def kb_server(
    data_dir: Path,
    *arguments: str,
    checkout: Path = ROOT,
    under: Sequence[str] = (),
    **settings: str,
) -> Iterator[RunningServer]:
    """`kb serve` in a process of its own, on a free port, until the block ends.

    Args:
        checkout: any commit's; its `pyproject.toml` says what the command `kb` calls.
        under: what Python runs the command with, such as `bench/flows/probe.py` and its arguments.
    """
    began = time.perf_counter()
    scripts = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]["scripts"]
    module, _, function = scripts["kb"].partition(":")
    command = f"from {module} import {function}; {function}()"
    process = subprocess.Popen(
        [sys.executable, *under, "-c", command, "serve", "--port", "0", *arguments],
        env=environment(
            KB_DATA_DIR=str(data_dir),
            KB_LOG_LEVEL="warning",
            PYTHONPATH=str(checkout),
            **settings,
        ),
        cwd=checkout,
        stdout=subprocess.DEVNULL,
    )
    try:
        url = _ready_url(process, data_dir)
        key = settings.get("KB_ADMIN_KEY") or (data_dir / "admin.key").read_text().strip()
        yield RunningServer(process, url, key, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait(timeout=60)


@contextmanager
def bare_relay(host: str, port: int) -> Iterator[tuple[int, int]]:
    """A process that only copies bytes to and from an address: (its port, its process id)."""
    with _announced("bench.traffic.relay", host, str(port)) as (line, pid):
        yield int(line), pid


@contextmanager
def fake_models() -> Iterator[tuple[str, int]]:
    """The fake model server in a process of its own: (base URL, process id)."""
    with _announced("kb.models.fake.server", "--port", "0") as (line, pid):
        yield next(word for word in line.split() if word.startswith("http")).rstrip(":"), pid


@contextmanager
def _announced(module: str, *arguments: str) -> Iterator[tuple[str, int]]:
    """`python -m module …` until the block ends: (its first line of output, its process id)."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        env=environment(),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline(), process.pid
    finally:
        process.terminate()
        process.wait(timeout=30)


def wait_for_batch(http: httpx.Client, batch_id: str) -> dict[str, Any]:
    """Wait until every document of an upload is ready or failed."""
    while True:
        batch: dict[str, Any] = http.get(f"/v1/batches/{batch_id}").json()
        if batch["status"] == "completed":
            return batch
        time.sleep(0.05)


def text_files(folder: Path) -> list[Path]:
    """The Markdown and text files under a folder, in order."""
    return sorted(path for path in folder.rglob("*") if path.suffix in {".md", ".txt"})


def machine() -> str:
    """One line that says where this ran."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line for line in lines if line.startswith("model name")), ": unknown processor")
    cores = len(os.sched_getaffinity(0))
    return f"{cores} cores, {model.split(': ')[1]}, Python {platform.python_version()}"


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table that can be pasted into docs/benchmarks.md."""
    cells = [list(map(str, columns)), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(columns))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join([f"\n{title} ({machine()})\n", *lines])


def verdict(is_met: bool) -> str:
    """How a goal is marked."""
    return "met" if is_met else "MISSED"


def _ready_url(process: subprocess.Popen[bytes], data_dir: Path) -> str:
    announced = data_dir / "server.json"
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}")
        with suppress(FileNotFoundError):  # not yet there, or that of a killed one, just removed
            found = json.loads(announced.read_text())
            if found["pid"] == process.pid:
                # It is announced once /readyz answers 200; asked once more, to be sure.
                httpx.get(f"{found['url']}/readyz", trust_env=False).raise_for_status()
                return str(found["url"])
        time.sleep(0.005)
    raise RuntimeError(f"the server was not ready in {START_S} s")
