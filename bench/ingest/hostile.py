"""What files that take for ever do to everybody else: `/healthz`, memory, an ordinary file.

    python -m bench.ingest.hostile [--embedder hash] [--limit-s 600]

Four hostile files go into a dataset, then an ordinary one into another. Each ends ready or failed
by name; meanwhile `/healthz` is asked 20 times a second.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import httpx

from bench.measuring import kb_server, median, memory_mib, percentile, table

MIB = 1 << 20
COLUMNS = 1_000_000


def hostile_files() -> dict[str, bytes]:
    """Files that are small, or no larger than a scanned book, and take long to split."""
    return {
        "numbers.txt": b"".join(b"%d," % number for number in range(1_500_000))[: 10 * MIB],
        "dots.txt": b". " * (9 * MIB),
        "columns.csv": b"\n".join([b",".join(b"c%d" % n for n in range(COLUMNS)), b"1," * COLUMNS]),
        "brackets.md": b"[(" * (5 * MIB),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--embedder", default="hash")
    parser.add_argument("--limit-s", type=float, default=600.0)
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        kb_server(Path(folder) / "data", KB_EMBEDDING__MODEL=args.embedder) as server,
        server.client() as http,
    ):
        batches = [
            upload(http, "hostile", hostile_files()),
            upload(http, "ordinary", {"note.md": b"# Notice\n\nIt ends in May."}),
        ]
        ends, waits_ms, peak_mib = watch(http, batches, server.process.pid, args.limit_s)
    rows = [(name, end, f"{after_s:.0f}") for name, (end, after_s) in ends.items()]
    print(table("hostile files", ("file", "end", "after s"), rows))
    print(f"/healthz: {len(waits_ms)} asked, median {median(waits_ms):.1f} ms, ", end="")
    print(f"p99 {percentile(waits_ms, 0.99):.0f} ms, longest {max(waits_ms):.0f} ms")
    print(f"memory of the server at most {peak_mib:.0f} MiB")


def upload(http: httpx.Client, dataset: str, files: Mapping[str, bytes]) -> str:
    """Upload files into a new dataset; returns the batch's id."""
    made = http.post("/v1/datasets", json={"name": dataset}).raise_for_status().json()
    parts = [("files", (name, content)) for name, content in files.items()]
    path = f"/v1/datasets/{made['id']}/documents"
    return str(http.post(path, files=parts).raise_for_status().json()["batch_id"])


def watch(
    http: httpx.Client, batches: Iterable[str], pid: int, limit_s: float
) -> tuple[dict[str, tuple[str, float]], list[float], float]:
    """Ask until all files have ended: how and when each did, the waits of `/healthz`, the peak of
    memory in MiB."""
    began = time.monotonic()
    ends: dict[str, tuple[str, float]] = {}
    waits_ms: list[float] = []
    waiting = set(batches)
    while waiting and time.monotonic() - began < limit_s:
        for _ in range(20):
            asked = time.perf_counter()
            http.get("/healthz").raise_for_status()
            waits_ms.append((time.perf_counter() - asked) * 1000)
            time.sleep(0.05)
        for batch_id in list(waiting):
            batch = http.get(f"/v1/batches/{batch_id}").json()
            for item in batch["documents"]:
                if item["status"] in ("ready", "failed"):
                    end = (item["error"] or {}).get("code") or item["status"]
                    ends.setdefault(item["name"], (end, time.monotonic() - began))
            if batch["status"] == "completed":
                waiting.remove(batch_id)
    return ends, waits_ms, memory_mib(pid, "VmHWM")


if __name__ == "__main__":
    main()
