"""The queue in Postgres: how claiming grows with processes, and what they wait for each other.

    python -m bench.cluster.queueing [--jobs 10000] [--wait 0.1 0] [--seconds 30]
                                     [--processes 1 2 4 8]

So many documents of 20 datasets wait. Each process claims 32 at a time as a worker does, rests for
the fixed time with each in place of reading and embedding, and ends each in a write transaction of
its own, which runs alone in the whole cluster as the one that stores a document does. What counts
is the throughput of n processes as a share of n times that of one. Every job must be had once, and
each run ends after `--seconds` if it is not through by then. A wait takes the speed of the machine,
which may have fewer processors than there are processes, out of the shares; without one (0) the
figures are what the database can do at most.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg

from bench.measuring import ROOT, percentile, table
from kb.iteration import batched
from kb.store.content import datasets, documents
from kb.store.engine.postgres import PostgresDatabase
from kb.store.work import batches, jobs, placing
from kb.store.work.placing import Upload, UploadTarget
from kb.types import Scope
from tests.postgres import PostgresServer

DATASETS = 20
SAMPLE_S = 0.02
_SPANS = ("claim", "turn", "alone")
"""What is timed: a claim, the wait for the turn to write alone, and that write."""
_HEAD = (
    *("processes", "jobs/s", "of linear", "claims/s", "claim p50 / p99", "turn p50 / p99"),
    *("alone p50 / p99", "alone, of the time", "waiting for locks", "empty claims", "deadlocks"),
)
_LOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--wait", type=float, nargs="+", default=[0.1, 0.0])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--child", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.child:
        work(chosen.child, *chosen.wait, chosen.seconds)
        return
    with tempfile.TemporaryDirectory(prefix="queue-") as folder:
        server = PostgresServer(Path(folder))
        try:
            for wait_s in chosen.wait:
                title = f"{chosen.jobs} jobs, each a wait of {wait_s * 1000:.0f} ms"
                print(table(title, _HEAD, list(_rows(server, wait_s, chosen))), flush=True)
        finally:
            server.stop(kindly=True)


def _rows(
    server: PostgresServer, wait_s: float, chosen: argparse.Namespace
) -> Iterator[Sequence[str]]:
    single = 0.0
    for number in chosen.processes:
        with server.database() as url:
            fill(url, chosen.jobs)
            found = measured(url, number, wait_s, chosen)
        single = single or found["per_s"] / number
        yield _row(number, found, found["per_s"] / number / single)


def fill(url: str, count: int) -> None:
    """Queue so many documents, divided among datasets."""
    database, scope = PostgresDatabase(url), Scope.admin()
    for part in range(DATASETS):
        dataset = database.writing(datasets.create, scope, name=f"d{part}", embedder="none")
        for names in batched(range(part, count, DATASETS), 1000):
            with database.write() as tx:
                batch_id = batches.create(tx, scope, dataset.id)
                uploads = [Upload(f"{n}.md", "text/markdown", f"{n:064}", 1) for n in names]
                placing.put(tx, UploadTarget(scope, dataset.id, batch_id), uploads)
    database.close()


def measured(url: str, processes: int, wait_s: float, chosen: argparse.Namespace) -> dict[str, Any]:
    """Let so many processes work it off. Raises AssertionError if a job is lost or doubled."""
    command = [sys.executable, "-m", "bench.cluster.queueing", "--child", url]
    command += ["--wait", str(wait_s), "--seconds", str(chosen.seconds)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    children: list[subprocess.Popen[str]] = [
        subprocess.Popen(command, cwd=ROOT, env=dict(os.environ, PYTHONPATH=str(ROOT)), **pipes)
        for _ in range(processes)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    over, samples = threading.Event(), list[int]()
    watching = threading.Thread(target=_watch, args=(url, over, samples))
    watching.start()
    began = time.perf_counter()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    told = [json.loads(child.communicate()[0]) for child in children]
    took_s = max(each["ended"] for each in told) - began
    over.set()
    watching.join()
    done = list(chain.from_iterable(each["jobs"] for each in told))
    with psycopg.connect(url) as connection:
        row = connection.execute(_DEADLOCKS).fetchone()
        (left,) = connection.execute("SELECT count(*) FROM queue").fetchone() or (0,)
    assert len(done) == len(set(done)) == chosen.jobs - left, f"{len(done)} ended, {left} are left"
    locked = sum(samples) / max(1, len(samples)) / processes
    spans = {name: list(chain.from_iterable(each[name] for each in told)) for name in _SPANS}
    figures = {"per_s": len(done) / took_s, "took_s": took_s, "locked": locked, **spans}
    return {**figures, "empty": sum(each["empty"] for each in told), "deadlocks": row and row[0]}


def _watch(url: str, over: threading.Event, samples: list[int]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        while not over.wait(SAMPLE_S):
            row = connection.execute(_LOCKED).fetchone()
            samples.append(row[0] if row else 0)


def work(url: str, wait_s: float, longest_s: float) -> None:
    """One process: claim, rest, end, until nothing waits or the time is over."""
    database, owner = PostgresDatabase(url), f"owner_{os.getpid()}"
    database.reading(jobs.is_waiting, "index")
    print("ready", flush=True)
    sys.stdin.readline()
    spans: dict[str, list[float]] = {name: [] for name in _SPANS}
    done, empty = list[int](), 0
    over = time.perf_counter() + longest_s
    while time.perf_counter() < over:
        began = time.perf_counter()
        with database.write_beside() as tx:
            claimed = jobs.claim(tx, owner, "index", 32, is_begun=False)
            jobs.begin(tx, claimed)
            documents.set_statuses(tx, [job.subject for job in claimed], "indexing")
        spans["claim"].append(time.perf_counter() - began)
        for job in claimed:
            if time.perf_counter() > over:
                break
            time.sleep(wait_s)
            _end(database, job, spans)
            done.append(job.id)
        if not claimed:
            empty += 1
            if not database.reading(jobs.is_waiting, "index"):
                break
    ended = time.perf_counter()  # the clock of the machine: the same in all its processes
    print(json.dumps({"jobs": done, "empty": empty, "ended": ended, **spans}))


def _end(database: PostgresDatabase, job: jobs.Job, spans: dict[str, list[float]]) -> None:
    """As what stores a document does: alone, after a check of the claim."""
    began = time.perf_counter()
    with database.write() as tx:
        alone = time.perf_counter()
        assert jobs.is_held(tx, job)
        jobs.finish(tx, [job])
    spans["turn"].append(alone - began)
    spans["alone"].append(time.perf_counter() - alone)


def _row(processes: int, found: dict[str, Any], share: float) -> Sequence[str]:
    def shown(name: str) -> str:
        p50, p99 = (percentile(found[name], part) * 1000 for part in (0.5, 0.99))
        return f"{p50:.1f} / {p99:.1f} ms"

    return (
        str(processes),
        f"{found['per_s']:.1f}",
        f"{share:.2f}",
        f"{len(found['claim']) / found['took_s']:.1f}",
        *map(shown, _SPANS),
        f"{sum(found['alone']) / found['took_s']:.1%}",
        f"{found['locked']:.1%}",
        str(found["empty"]),
        str(found["deadlocks"]),
    )


if __name__ == "__main__":
    main()
