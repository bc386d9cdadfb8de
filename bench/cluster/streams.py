"""Streams over several API processes: what sharing them costs, and whether every token comes.

    python -m bench.cluster.streams [--streams 500] [--tokens 40] [--pace-ms 50] [--asked 40]

Postgres (which waits for its disk), a Chroma server and an S3 server as the tests have them, and
the fake model. First a process that is alone and one of a cluster are asked by turns, one stream at
a time: the time to the first token, and how much later each token comes through another process.
Then 100 streams at once from either: processor time a token, in the process and in Postgres. Last,
so many streams over three processes; a tenth break off twice and go on at another one each time.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from bench.measuring import RunningServer, cpu_seconds, fake_models, percentile, table, verdict
from bench.streams import APP, Load, allow_many_connections, make_app, measure, report
from bench.traffic.plain_sse import Client, Event
from tests import postgres
from tests.kits import Cluster
from tests.server import running_server

ONE = Load(streams=1, tokens=40, pace_ms=20)
AT_ONCE = Load(streams=100, tokens=200, pace_ms=50)
FIRST_MS, TOKEN_US = 20.0, 100.0
"""What sharing may add to the time to the first token, and in processor time to each token."""


@contextmanager
def processes(
    cluster: Cluster, folder: Path, count: int, model_url: str, load: Load
) -> Iterator[list[RunningServer]]:
    """API processes of a new installation with the app that counts; none is alone."""
    with ExitStack() as stack:
        if not count:
            found = [_started(stack, folder / f"alone{load.streams}")]
        else:
            shared = stack.enter_context(cluster.installation())
            names = [folder / f"of{load.streams}-{n}" for n in range(count)]
            found = [_started(stack, name, "--no-ingest", **shared) for name in names]
        make_app(found[0], model_url, load)
        yield found


def _started(stack: ExitStack, folder: Path, *arguments: str, **settings: str) -> RunningServer:
    made = stack.enter_context(
        running_server(folder, *arguments, KB_LOG_LEVEL="warning", **settings)
    )
    return RunningServer(made.process, made.url, made.key, 0.0)


async def first_tokens(servers: list[RunningServer], asked: int) -> list[list[float]]:
    """Milliseconds to the first token of each server, which are asked by turns."""
    clients = [Client(each.url, each.key) for each in servers]
    found: list[list[float]] = [[] for _ in servers]
    for _ in range(asked):
        for client, times in zip(clients, found, strict=True):
            began = time.perf_counter()
            _, events = await client.ask(APP, "steady")
            times.append(1000 * ((await _deltas(events))[0] - began))
    return found


async def followed_ms(owner: RunningServer, other: RunningServer, asked: int) -> list[float]:
    """By how many milliseconds a token comes later through another process."""
    later = []
    for _ in range(asked):
        _, events = await Client(owner.url, owner.key).ask(APP, "steady")
        started = await anext(events)
        there = Client(other.url, other.key)
        _, same = await there.resume("steady", started.data["run_id"], 1)
        here, elsewhere = await asyncio.gather(_deltas(events), _deltas(same))
        later += [1000 * (b - a) for a, b in zip(here[5:], elsewhere[5:], strict=True)]
    return later


async def _deltas(events: AsyncIterator[Event]) -> list[float]:
    """When each token came."""
    return [time.perf_counter() async for event in events if event.name == "delta"]


def backends_cpu_s(server: postgres.PostgresServer) -> float:
    """Processor seconds of Postgres' processes that run now."""
    found = 0.0
    for pid in server.processes():
        with suppress(OSError):  # it has ended
            found += cpu_seconds(pid)
    return found


def single(cluster: Cluster, folder: Path, model_url: str, asked: int) -> str:
    """What sharing adds to a stream that is alone."""
    with (
        processes(cluster, folder, 0, model_url, ONE) as alone,
        processes(cluster, folder, 2, model_url, ONE) as shared,
    ):
        asyncio.run(first_tokens([*alone, shared[0]], 5))
        own, ours = asyncio.run(first_tokens([*alone, shared[0]], asked))
        later = asyncio.run(followed_ms(*shared, max(2, asked // 8)))
    added = statistics.median(ours) - statistics.median(own)
    row = [f"{statistics.median(times):.1f} ms" for times in (own, ours)]
    row += [f"{added:.1f} ms", verdict(added <= FIRST_MS)]
    row += [f"{statistics.median(later):.1f} ms", f"{percentile(later, 0.99):.1f} ms"]
    columns = ("alone", "of a cluster", "added", "<= 20 ms", "elsewhere, later by", "p99")
    return table("Time to the first token, and tokens elsewhere", columns, [row])


def cost(cluster: Cluster, folder: Path, model_url: str) -> str:
    """What sharing adds to each token of many streams."""
    rows, single_us = [], 0.0
    for name, count in (("alone", 0), ("of a cluster", 1)):
        with processes(cluster, folder, count, model_url, AT_ONCE) as (server,):
            before_s = backends_cpu_s(cluster.postgres)
            result = asyncio.run(measure(server, AT_ONCE))
            there_us = 1e6 * (backends_cpu_s(cluster.postgres) - before_s)
        tokens = sum(tally.tokens for tally in result.tallies)
        open_us, all_us = result.us_a_token or 0.0, 1e6 * result.cpu_s / tokens
        added = f"{open_us - single_us:.0f} us" if single_us else "-"
        single_us = single_us or open_us
        there = f"{there_us / tokens:.0f} us" if count else "-"
        rows.append((name, f"{open_us:.0f} us", added, f"{all_us:.0f} us", there))
    columns = ("server", "a token, all open", "added", "a token, all in", "in Postgres")
    return table(f"Processor time, {AT_ONCE.streams} streams at once", columns, rows)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Streams over several API processes.")
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--tokens", type=int, default=40)
    parser.add_argument("--pace-ms", type=int, default=50)
    parser.add_argument("--asked", type=int, default=40)
    chosen = parser.parse_args()
    load = Load(chosen.streams, chosen.tokens, chosen.pace_ms)
    allow_many_connections()
    fast = ("fsync=", "full_page_writes=")
    postgres.SETTINGS = tuple(s for s in postgres.SETTINGS if not s.startswith(fast))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        model_url, _ = stack.enter_context(fake_models())
        cluster = Cluster(folder, stack)
        print(single(cluster, folder, model_url, chosen.asked))
        print(cost(cluster, folder, model_url))
        with processes(cluster, folder, 3, model_url, load) as (server, *others):
            print(report(asyncio.run(measure(server, load, *others))))


if __name__ == "__main__":
    main()
