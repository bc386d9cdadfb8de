"""How search over servers grows from 10,000 to 1,000,000 chunks of one dataset.

    python -m bench.cluster.growing --folder PLACE [--to 1000000] [--texts docs] [--queries 200]
                                    [--measure-only]

Two installations, each with a Postgres, a Chroma server and a data folder of its own: one has and
keeps 10,000 chunks, the other grows. The chunks, made as in `bench.search`, go through the store
into Postgres; the applier feeds Chroma and waits for the keyword copy. At each size `kb serve` of
both is asked the same over HTTP by turns, so that the ratio is free of what else the machine does.

All lies in PLACE, figures too: what was stopped, or killed, goes on with the next document.
`--measure-only` measures once more what is there. The S3 servers are empty: nothing is uploaded.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from bench.cluster.searching import database_mib, folder_mib
from bench.measuring import kb_server, median, memory_mib, percentile, table, use_cores, verdict
from bench.search.filling import dataset_id_of, filling, questions_of
from bench.search.parts import PAUSE_S, WARM_UP, milliseconds, parts_alone
from kb.errors import Unavailable
from kb.index.keyword_copies.node import KeywordCopies
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.protocols import IndexKey
from kb.settings import Settings
from kb.store.content import chunks, index_ops
from tests import postgres
from tests.kits import Cluster, nested

SMALL, LARGER = 10_000, (100_000, 1_000_000)
GOAL = 2.0
OF_TESTS = ("fsync=", "full_page_writes=", "shared_buffers=")  # here Postgres has its own
PARTS = ("vectors", "keywords", "SQL")
MEMORY = ("API RSS", "API PSS", "Chroma RSS", "Chroma PSS", "Postgres PSS")
DISK = ("Postgres on disk", "Chroma on disk", "keyword copy on disk")


def main() -> None:
    """Fill and measure size by size, and print all that is known."""
    parser = argparse.ArgumentParser(description="Search over servers, from 10,000 to 1,000,000.")
    parser.add_argument("--folder", type=Path, required=True, help="keeps everything")
    parser.add_argument("--to", type=int, default=LARGER[-1], help="chunks")
    parser.add_argument("--texts", type=Path, default=Path("docs"), help="where text is taken from")
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--measure-only", action="store_true")
    chosen = parser.parse_args()
    use_cores(2)
    postgres.SETTINGS = tuple(s for s in postgres.SETTINGS if not s.startswith(OF_TESTS))
    with ExitStack() as stack:
        place: Path = chosen.folder.absolute()
        small, large = (Installation(place / name, stack) for name in ("small", "large"))
        if chosen.measure_only:
            measure(small, large, chosen.queries)
        else:
            small.fill(SMALL, chosen.texts)
            for size in (*(size for size in LARGER if size < chosen.to), chosen.to):
                if size >= large.stored:
                    large.fill(size, chosen.texts)
                    measure(small, large, chosen.queries)
        report(small.figures | large.figures)


class Installation:
    """Servers that keep their files in a folder, chunks, and figures by how many there are."""

    def __init__(self, place: Path, stack: ExitStack) -> None:
        (place / "postgres").mkdir(parents=True, exist_ok=True)
        self.node, self._place, self._figures = place / "node", place, place / "figures.json"
        self.servers = Cluster(place, stack, rows=place / "postgres")
        self.settings = self._settings()
        self.figures: dict[int, dict[str, float]] = {
            int(size): own for size, own in _content(self._figures).items()
        }
        with self.opened() as kb:
            self.stored = kb.database.reading(chunks.count)

    def fill(self, size: int, texts: Path) -> None:
        """Store chunks until there are so many, and let the indexes catch up."""
        own = self.figures.setdefault(size, {"built in s": 0.0})
        with self.opened() as kb:
            began = time.perf_counter()
            for self.stored in filling(kb, size, texts):
                now = time.perf_counter()
                own["built in s"] += now - began
                began = now
                self.keep()
                if self.stored % SMALL == 0:
                    waiting, took_s = kb.database.reading(index_ops.waiting), own["built in s"]
                    print(f"{self.stored:,} after {took_s:.0f} s, {waiting} wait", flush=True)

    @contextmanager
    def opened(self) -> Iterator[KnowledgeBase]:
        """With a current keyword copy."""
        settings = Settings(data_dir=self.node, **nested(self.settings))
        with closing(open_kb(settings)) as kb:
            assert isinstance(kb.keywords, KeywordCopies)
            while kb.keywords.is_filling:
                time.sleep(0.1)
            yield kb

    def look(self, questions: Sequence[str]) -> str:
        """Note what parts take alone, and what stores take on disk; returns the dataset's id."""
        own = self.figures.setdefault(self.stored, {})
        with self.opened() as kb:
            dataset_id = dataset_id_of(kb)
            own["loaded"] = _loaded_s(kb, dataset_id, questions[0])
            found = parts_alone(kb, dataset_id, questions)
            own |= {part: median(found[part][WARM_UP:]) for part in PARTS}
            folders = (self.servers.chroma.folder, self.node / "index")
            sizes = (database_mib(kb), *map(folder_mib, folders))
        own |= dict(zip(DISK, sizes, strict=True))
        return dataset_id

    def memory(self, api: int) -> dict[str, float]:
        """MiB of each process, of Postgres of all together."""
        chroma, rows = self.servers.chroma.process.pid, self.servers.postgres.processes()
        found = [memory_mib(pid, field) for pid in (api, chroma) for field in ("VmRSS", "Pss")]
        return dict(zip(MEMORY, (*found, sum(memory_mib(pid, "Pss") for pid in rows)), strict=True))

    def keep(self) -> None:
        """Write the figures down."""
        (beside := self._figures.with_suffix(".new")).write_text(json.dumps(self.figures, indent=1))
        beside.replace(self._figures)

    def _settings(self) -> dict[str, str]:
        """Addresses are new at each start, secrets those of the first."""
        found = self.servers.settings(self.servers.postgres.url("postgres"))
        secrets = {name: found[name] for name in ("KB_ADMIN_KEY", "KB_SECRET_KEY")}
        secrets |= _content(kept := self._place / "secrets.json")
        kept.write_text(json.dumps(secrets))
        return found | secrets


def measure(small: Installation, large: Installation, queries: int) -> None:
    """Ask the parts of each, and then processes of both by turns."""
    with small.opened() as kb:
        questions = questions_of(kb, dataset_id_of(kb), queries + WARM_UP)
    with ExitStack() as stack:
        asked = []
        for each in (small, large):
            dataset_id = each.look(questions)
            server = stack.enter_context(kb_server(each.node, "--no-ingest", **each.settings))
            client = stack.enter_context(server.client())
            asked.append((each, server, client, f"/v1/datasets/{dataset_id}/search", list[float]()))
        for question in questions:
            for _, _, client, path, times in asked:
                time.sleep(PAUSE_S)
                times.append(milliseconds(partial(_search, client, path, question)))
        for each, server, _, _, times in asked:
            own = each.figures[each.stored]
            own |= {"first": times[0], "p50": median(times[WARM_UP:])}
            own |= {"p99": percentile(times[WARM_UP:], 0.99), "ready": server.started_s}
            own |= each.memory(server.process.pid)
    before, after = small.figures[small.stored], large.figures[large.stored]
    after["growth"] = after["p50"] / before["p50"]
    small.keep()
    large.keep()


def report(figures: dict[int, dict[str, float]]) -> None:
    """Print a line per size, and the goal."""
    found = {size: own for size, own in sorted(figures.items()) if "p50" in own}
    rows = [
        (
            f"{size:,}",
            f"{own.get('built in s', 0):.0f}",
            f"{own['p50']:.1f} / {own['p99']:.1f}",
            f"{own.get('growth', 1):.2f}",
            " / ".join(f"{own[part]:.1f}" for part in PARTS),
            f"{own['ready']:.1f}",
            f"{own['first'] / 1000:.2f}",
            f"{own['loaded']:.1f}",
        )
        for size, own in found.items()
    ]
    columns = ("chunks", "built in s", "p50 / p99 ms", "growth", f"{' / '.join(PARTS)} p50")
    columns += ("ready after s", "first search s", "Chroma answers after s")
    print(table("Growth over servers", columns, rows))
    mib = (*MEMORY, *DISK)
    rows = [(f"{size:,}", *(f"{own[name]:,.0f}" for name in mib)) for size, own in found.items()]
    print(table("MiB", ("chunks", *mib), rows))
    last = found[max(found)].get("growth", 1)
    print(
        f"\np50 at {max(found):,} is {last:.2f} times that at {SMALL:,}, goal {GOAL:.0f}: ", end=""
    )
    print(verdict(last <= GOAL))


def _loaded_s(kb: KnowledgeBase, dataset_id: str, question: str) -> float:
    """Seconds until Chroma answers, which reads a whole index at the first question."""
    began, vector = time.perf_counter(), kb.embedder.embed_query(question)
    while True:
        try:
            kb.vectors.query(IndexKey(dataset_id, 1), vector, 1)
            return time.perf_counter() - began
        except Unavailable:
            time.sleep(1)


def _search(client: httpx.Client, path: str, question: str) -> None:
    client.post(path, json={"query": question}).raise_for_status()


def _content(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


if __name__ == "__main__":
    main()
