"""What a search costs more over servers than in one process, both on this machine.

    python -m bench.cluster.searching [--folder FOLDER] [--chunks 100000] [--keep DIR]

The same chunks, made as in `bench.search`, are stored with the local kit and with that of a cluster
(Postgres, a Chroma server, S3, a keyword copy of this process), each through its own store, indexes
and applier. Then each question is asked of both in turns. `--keep` leaves the local folder in DIR
for the next time; servers are filled anew.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from bench.measuring import MIB, median, memory_mib, percentile, table, use_cores, verdict
from bench.search.filling import SCOPE, dataset_id_of, fill, questions_of
from bench.search.parts import PAUSE_S, WARM_UP
from kb.index.keyword_copies.node import KeywordCopies
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.protocols import IndexKey
from kb.settings import Settings
from kb.types import Retrieval
from tests.kits import Cluster, nested

GOAL_MS = 4.0


def main() -> None:
    """Fill both, ask both, and print."""
    parser = argparse.ArgumentParser(description="Search of the cluster kit beside the local one.")
    parser.add_argument("--folder", type=Path, help="where the text is taken from")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--keep", type=Path, help="reuse and keep the filled local folder here")
    arguments = parser.parse_args()
    use_cores(2)
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        servers = Cluster(place, stack)
        environment = stack.enter_context(servers.installation())
        local = Settings(data_dir=(arguments.keep or place) / str(arguments.chunks))
        several = Settings(data_dir=place / "node", **nested(environment))
        both = [stack.enter_context(closing(open_kb(each))) for each in (local, several)]
        filled_s = [fill(kb, arguments.chunks, arguments.folder) for kb in both]
        copies = both[1].keywords
        assert isinstance(copies, KeywordCopies)
        copies.make()
        with both[1].database.write_beside() as tx:  # Postgres does so by itself within a minute
            tx.exec_driver_sql("ANALYZE")
        questions = questions_of(both[0], dataset_id_of(both[0]), arguments.queries + WARM_UP)
        report(both, questions, filled_s)
        chroma, node = servers.chroma, place / "node" / "index"
        print(
            f"Memory: Chroma server {memory_mib(chroma.process.pid):.0f} MiB, this process with "
            f"both kits {memory_mib(os.getpid()):.0f} MiB. On disk: Postgres "
            f"{database_mib(both[1]):.0f} MiB, Chroma {folder_mib(chroma.folder):.0f} MiB, a "
            f"keyword copy {folder_mib(node):.0f} MiB."
        )


def report(
    both: Sequence[KnowledgeBase], questions: Sequence[str], filled_s: Sequence[float]
) -> None:
    """Ask each question of both in turns, and print."""
    parts = ("search", "vectors", "keywords")
    found: list[dict[str, list[float]]] = [{part: [] for part in parts} for _ in both]
    keys = [IndexKey(dataset_id_of(kb), 1) for kb in both]
    for question in questions:
        vector = both[0].embedder.embed_query(question)
        for kb, key, own in zip(both, keys, found, strict=True):
            actions = (
                partial(kb.searcher.search, SCOPE, [key.dataset_id], question, Retrieval()),
                partial(kb.vectors.query, key, vector, 40),
                partial(kb.keywords.query, key, question, 40),
            )
            for part, action in zip(parts, actions, strict=True):
                time.sleep(PAUSE_S)
                began = time.perf_counter()
                action()
                own[part].append((time.perf_counter() - began) * 1000)
    rows = [
        (name, f"{seconds:.0f}", *(_figures(own[part][WARM_UP:]) for part in parts))
        for name, seconds, own in zip(("local", "cluster"), filled_s, found, strict=True)
    ]
    columns = ("kit", "filled in s", *(f"{part} p50 / p99 ms" for part in parts))
    print(table("Search over servers", columns, rows))
    added = median(found[1]["search"][WARM_UP:]) - median(found[0]["search"][WARM_UP:])
    print(f"p50 +{added:.1f} ms, goal +{GOAL_MS:.0f} ms: {verdict(added <= GOAL_MS)}")


def database_mib(kb: KnowledgeBase) -> float:
    """What the database takes on the server's disk."""
    with kb.database.read() as tx:
        size = tx.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
    return int(size) / MIB


def folder_mib(folder: Path) -> float:
    """What the files below a folder take."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / MIB


def _figures(times: Sequence[float]) -> str:
    return f"{median(times):.1f} / {percentile(times, 0.99):.1f}"


if __name__ == "__main__":
    main()
