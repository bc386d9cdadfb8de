"""From `kb serve` to ready, and the memory that takes, with the bundled model loaded.

    python -m bench.start [--rounds 5] [--folder FOLDER]

A new data folder and an existing one (with the files under FOLDER ingested, or a small text) take
turns, each in a fresh process. The clock runs from the start of the process until `/readyz` answers
200, read from the file in which the server announces itself; every 5 ms it is looked for. Processor
time, which other programs disturb less, is what the process has used by then. Memory is the
resident set at that moment, its peak until then, and the resident set after one search.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measuring import (
    RunningServer,
    cpu_seconds,
    kb_server,
    median,
    memory_mib,
    table,
    text_files,
    use_cores,
    verdict,
    wait_for_batch,
)

GOAL_S = 3.0
GOAL_MIB = 650.0
FILES_A_REQUEST = 50


@dataclass(frozen=True, slots=True)
class Start:
    """One start."""

    ready_s: float
    cpu_s: float
    ready_mib: float
    peak_mib: float
    searched_mib: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Time and memory of a start.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="files of the existing data folder")
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    use_cores(arguments.cores)
    starts: dict[str, list[Start]] = {"new folder": [], "existing folder": []}
    with tempfile.TemporaryDirectory() as root:
        existing = Path(root) / "existing"
        dataset = _fill(existing, arguments.folder)
        for number in range(arguments.rounds):
            starts["new folder"].append(_start(Path(root) / str(number), None))
            starts["existing folder"].append(_start(existing, dataset))
    rows = [_row(name, found) for name, found in starts.items()]
    columns = (
        "data folder",
        "ready s",
        "fastest",
        "CPU s",
        "MiB when ready",
        "peak",
        "searched",
        "",
    )
    print(table(f"Start, medians of {arguments.rounds}", columns, rows))
    print(f"\nGoal: ready in {GOAL_S:g} s, {GOAL_MIB:g} MB resident.")


def _row(name: str, found: Sequence[Start]) -> tuple[object, ...]:
    ready_s = median([start.ready_s for start in found])
    cpu_s, ready, peak, searched = (
        median([getattr(start, field) for start in found])
        for field in ("cpu_s", "ready_mib", "peak_mib", "searched_mib")
    )
    is_met = ready_s <= GOAL_S and ready * 1.048576 <= GOAL_MIB
    return (
        name,
        f"{ready_s:.2f}",
        f"{min(start.ready_s for start in found):.2f}",
        f"{cpu_s:.2f}",
        f"{ready:.0f}",
        f"{peak:.0f}",
        f"{searched:.0f}",
        verdict(is_met),
    )


def _start(data: Path, dataset: str | None) -> Start:
    with kb_server(data) as server:
        pid = server.process.pid
        cpu_s = cpu_seconds(pid)
        ready, peak = memory_mib(pid), memory_mib(pid, "VmHWM")
        _search(server, dataset or _dataset(server))
        return Start(server.started_s, cpu_s, ready, peak, memory_mib(pid))


def _fill(data: Path, folder: Path | None) -> str:
    with kb_server(data) as server, server.client() as http:
        dataset = _dataset(server)
        names = [("note.md", b"# Notice\n\nThe notice period is three months.")]
        if folder is not None:
            names = [
                (path.relative_to(folder).as_posix(), path.read_bytes())
                for path in text_files(folder)
            ]
        for start in range(0, len(names), FILES_A_REQUEST):
            files = [("files", item) for item in names[start : start + FILES_A_REQUEST]]
            answer = http.post(f"/v1/datasets/{dataset}/documents", files=files)
            answer.raise_for_status()
            wait_for_batch(http, answer.json()["batch_id"])
    return dataset


def _dataset(server: RunningServer) -> str:
    with server.client() as http:
        made: str = http.post("/v1/datasets", json={"name": "bench"}).json()["id"]
        return made


def _search(server: RunningServer, dataset: str) -> None:
    with server.client() as http:
        question = {"query": "How long is the notice period?"}
        http.post(f"/v1/datasets/{dataset}/search", json=question).raise_for_status()


if __name__ == "__main__":
    main()
