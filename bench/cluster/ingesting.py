"""How fast documents become ready over servers, beside one process with a folder.

    python -m bench.cluster.ingesting [--folder docs] [--copies 4] [--rounds 3]

The same files, each copy with a line of its own so that no vector is known already, are uploaded to
a fresh installation of either kit in turns: `kb serve` with the bundled embedder, alone on this
machine, and servers beside it for the second kit. The time is that from the first byte sent until
every document is ready. Goal: the second kit is at least 0.85 times as fast.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from bench.measuring import median, memory_mib, table, verdict
from tests.kits import Cluster
from tests.server import running_server, wait_for_batch

GOAL = 0.85
READY_S = 1800


def main() -> None:
    """Run both in turns, and print."""
    parser = argparse.ArgumentParser(description="Ingest of the cluster kit beside the local one.")
    parser.add_argument("--folder", type=Path, default=Path("docs"))
    parser.add_argument("--copies", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    texts = files_of(arguments.folder, arguments.copies)
    taken: dict[str, list[float]] = {"local": [], "cluster": []}
    chunks = memory = 0.0
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        servers = Cluster(place, stack)
        for number in range(arguments.rounds):
            with servers.installation() as shared:
                for kit, settings in (("local", {}), ("cluster", shared)):
                    folder = place / f"{kit}{number}"
                    seconds, chunks, memory = ready_after(folder, texts, settings)
                    taken[kit].append(seconds)
        chroma = memory_mib(servers.chroma.process.pid)
    rows = [
        (kit, f"{median(own):.1f}", f"{chunks / median(own):.0f}") for kit, own in taken.items()
    ]
    print(table(f"{len(texts)} documents, {chunks:.0f} chunks", ("kit", "s", "chunks/s"), rows))
    ratio = median(taken["local"]) / median(taken["cluster"])
    print(f"{ratio:.2f} times as fast, goal {GOAL}: {verdict(ratio >= GOAL)}")
    print(f"Process of the second kit {memory:.0f} MiB at most, Chroma server {chroma:.0f} MiB.")


def files_of(folder: Path, copies: int) -> list[tuple[str, bytes]]:
    """Name and content of each Markdown file, as often as wanted, every paragraph different."""
    found = []
    for path in sorted(folder.rglob("*.md")):
        parts = path.read_text().split("\n\n")
        for copy in range(copies):
            text = "\n\n".join(f"{part} [{copy}.{place}]" for place, part in enumerate(parts))
            found.append((f"{copy}/{path.relative_to(folder)}", text.encode()))
    return found


def ready_after(
    folder: Path, texts: list[tuple[str, bytes]], settings: dict[str, str]
) -> tuple[float, int, float]:
    """Seconds until all are ready, how many chunks they have, and MiB of the process at most."""
    with (
        running_server(folder, **{"KB_EMBEDDING__MODEL": "bundled", **settings}) as server,
        server.http as http,
    ):
        dataset = http.post("/v1/datasets", json={"name": "all"}).json()["id"]
        files = [("files", item) for item in texts]
        began = time.perf_counter()
        sent = http.post(f"/v1/datasets/{dataset}/documents", files=files).raise_for_status()
        batch = wait_for_batch(http, sent.json()["batch_id"], READY_S)
        seconds = time.perf_counter() - began
        assert batch["ready"] == len(texts), batch
        counted = http.post("/v1/fsck").raise_for_status().json()
        assert counted["clean"], counted
        return seconds, counted["chunks"], memory_mib(server.process.pid, "VmHWM")


if __name__ == "__main__":
    main()
