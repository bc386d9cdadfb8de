"""Many streams at once, read from plain sockets: is every token there, once, and in order?

    python -m bench.streams [--streams 2000] [--tokens 100] [--pace-ms 200] [--cores 2]

Three processes: the fake model (`kb.models.fake.server`), `kb serve`, and this one. The model
counts "1 2 3 …", so that a token that is lost, doubled or out of order shows, and a stream is
checked twice more: its event ids have no gap, and its one terminal event holds the same answer. No
model says its second number before all streams have begun. One reader in ten takes a few hundred
bytes at a time from a small buffer, with rests; one in ten breaks the connection twice, at random
places, and goes on with `Last-Event-ID`.

At most 100 questions wait for their first event at a time, as 256 searches may wait before the
server says that it is overloaded. Processor time a token is taken twice: while all streams are
open, and for the whole, with all that an answer costs besides its tokens.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from bench.measuring import (
    RunningServer,
    cpu_seconds,
    fake_models,
    kb_server,
    memory_mib,
    table,
    use_cores,
    verdict,
)
from bench.traffic.plain_sse import Client, Event, break_off

TERMINAL = {"run.completed", "run.failed", "run.cancelled"}
ASKING = 100
CUTS = 2
APP = "counting"


@dataclass(frozen=True, slots=True)
class Load:
    """How many streams, what each is sent, and the seed of what goes wrong where."""

    streams: int
    tokens: int
    pace_ms: int
    seed: int = 1


@dataclass(slots=True)
class Seen:
    """What one stream was sent, over however many connections."""

    kind: str
    events: list[Event] = field(default_factory=list)
    resumed: int = 0

    def text(self) -> str:
        """The deltas, joined."""
        return "".join(event.data["text"] for event in self.events if event.name == "delta")


@dataclass(slots=True)
class Tally:
    """What is wrong with the streams of one kind, in tokens, and in streams."""

    kind: str
    streams: int = 0
    tokens: int = 0
    resumed: int = 0
    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    wrong_ends: int = 0

    @property
    def is_exact(self) -> bool:
        """Whether nothing at all is wrong."""
        return not (self.lost or self.doubled or self.reordered or self.wrong_ends)

    def add(self, seen: Seen, tokens: int) -> None:
        """Judge one stream."""
        numbers = [int(word) for word in seen.text().split()]
        self.streams += 1
        self.tokens += len(numbers)
        self.resumed += seen.resumed
        self.lost += len(set(range(1, tokens + 1)) - set(numbers))
        self.doubled += len(numbers) - len(set(numbers))
        self.reordered += sum(b < a for a, b in pairwise(numbers))
        self.wrong_ends += not _ends_well(seen)


@dataclass(slots=True)
class Gauge:
    """Counts while it goes on, and the server's clock when all streams are open."""

    load: Load
    pid: int
    open: int = 0
    most_open: int = 0
    tokens: int = 0
    ended: int = 0
    all_open: tuple[float, int] | None = None
    first_end: tuple[float, int] | None = None

    def begun(self) -> None:
        """A stream has its first event."""
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        if self.open == self.load.streams:
            self.all_open = (cpu_seconds(self.pid), self.tokens)

    def over(self) -> None:
        """A stream has its terminal event."""
        self.open -= 1
        self.ended += 1
        if self.ended == 1:
            self.first_end = (cpu_seconds(self.pid), self.tokens)

    def us_a_token(self) -> float | None:
        """Processor microseconds a token while all were open; None if they never were."""
        if self.all_open is None or self.first_end is None:
            return None
        (began_s, before), (ended_s, after) = self.all_open, self.first_end
        return 1e6 * (ended_s - began_s) / (after - before) if after > before else None


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that is printed, and that the test of this looks at."""

    tallies: tuple[Tally, ...]
    most_open: int
    wall_s: float
    cpu_s: float
    us_a_token: float | None
    memory_mib: float

    @property
    def is_exact(self) -> bool:
        """Whether every stream was."""
        return all(tally.is_exact for tally in self.tallies)


async def measure(server: RunningServer, load: Load, *others: RunningServer) -> Result:
    """Read so many streams at once.

    Args:
        others: processes of the same cluster: they are asked by turns, and what broke off goes on
            at the next one.
    """
    pid = server.process.pid
    clients = [Client(each.url, each.key) for each in (server, *others)]
    gauge = Gauge(load, pid)
    turns = asyncio.Semaphore(ASKING)
    draw = random.Random(load.seed)
    kinds = [{0: "slow", 5: "cut"}.get(number % 10, "steady") for number in range(load.streams)]
    began, before_s = time.perf_counter(), cpu_seconds(pid)
    streams = await asyncio.gather(
        *(
            _stream(
                clients[at % len(clients) :] + clients, kind, _cuts(kind, load, draw), turns, gauge
            )
            for at, kind in enumerate(kinds)
        )
    )
    wall_s, cpu_s = time.perf_counter() - began, cpu_seconds(pid) - before_s
    tallies = {kind: Tally(kind) for kind in ("steady", "slow", "cut")}
    for seen in streams:
        tallies[seen.kind].add(seen, load.tokens)
    return Result(
        tuple(tallies.values()), gauge.most_open, wall_s, cpu_s, gauge.us_a_token(), memory_mib(pid)
    )


def make_app(server: RunningServer, model_url: str, load: Load, app: str = APP) -> None:
    """An app whose model counts."""
    model = f"numbers:{load.tokens}:{load.pace_ms}:{load.streams}"
    body = {"name": app, "provider": "openai", "base_url": model_url, "model": model}
    patience = {"gap_timeout_s": 120, "total_timeout_s": 3600}
    with server.client() as http:
        for method, path, content in (
            ("POST", "/v1/models", {**body, **patience}),
            ("POST", "/v1/apps", {"slug": app, "name": app}),
            ("PUT", f"/v1/apps/{app}/draft", {"base": {"model": app}}),
            ("POST", f"/v1/apps/{app}/publish", None),
        ):
            http.request(method, path, json=content).raise_for_status()


def allow_many_connections() -> None:
    """As many descriptors as may be had, also for the processes that are started from here."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _stream(
    clients: list[Client], kind: str, cuts: list[int], turns: asyncio.Semaphore, gauge: Gauge
) -> Seen:
    """One answer, read to its end; broken off whenever so many events as `cuts` says were seen."""
    seen = Seen(kind)
    async with turns:
        connection, events = await clients[0].ask(APP, kind)
        seen.events.append(await anext(events))
        gauge.begun()
    while True:
        stop_at = cuts.pop(0) if cuts else None
        async with aclosing(events) as reading:
            await _read(reading, seen, stop_at, gauge)
        if stop_at is None or seen.events[-1].name in TERMINAL:
            connection.close()
            gauge.over()
            return seen
        break_off(connection)
        seen.resumed += 1
        run_id = seen.events[0].data["run_id"]
        client = clients[seen.resumed % len(clients)]
        connection, events = await client.resume(kind, run_id, seen.events[-1].number)


async def _read(
    events: AsyncIterator[Event], seen: Seen, stop_at: int | None, gauge: Gauge
) -> None:
    async for event in events:
        seen.events.append(event)
        gauge.tokens += event.name == "delta"
        if stop_at is not None and len(seen.events) >= stop_at:
            return


def _cuts(kind: str, load: Load, draw: random.Random) -> list[int]:
    """After how many events the connections break: at the least one that is not a first event."""
    return sorted(draw.sample(range(2, load.tokens), CUTS)) if kind == "cut" else []


def _ends_well(seen: Seen) -> bool:
    """Ids without a gap, and one terminal event, the last, with the answer that was streamed."""
    last = seen.events[-1]
    return (
        [event.number for event in seen.events] == list(range(1, len(seen.events) + 1))
        and [event.name for event in seen.events if event.name in TERMINAL] == ["run.completed"]
        and last.data.get("answer") == seen.text()
    )


def report(result: Result) -> str:
    """Two tables: what came, and what it cost."""
    rows = [
        (t.kind, t.streams, t.tokens, t.resumed, t.lost, t.doubled, t.reordered, t.wrong_ends)
        for t in result.tallies
    ]
    columns = (
        "reader",
        "streams",
        "tokens",
        "resumed",
        "lost",
        "doubled",
        "reordered",
        "wrong ends",
    )
    tokens = sum(tally.tokens for tally in result.tallies)
    steady = "-" if result.us_a_token is None else f"{result.us_a_token:.0f} us"
    cost = (
        result.most_open,
        f"{result.wall_s:.1f} s",
        f"{result.cpu_s:.1f} s",
        steady,
        f"{1e6 * result.cpu_s / tokens:.0f} us",
        f"{result.memory_mib:.0f} MiB",
        verdict(result.is_exact),
    )
    titles = ("open at once", "wall", "CPU", "a token, all open", "a token, all in", "memory")
    first = table("Tokens of the streams", columns, rows)
    return first + "\n" + table("What the server needed", (*titles, "0 wrong"), [cost])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Many streams at once, every token checked.")
    parser.add_argument("--streams", type=int, default=2000)
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--pace-ms", type=int, default=200)
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    load = Load(arguments.streams, arguments.tokens, arguments.pace_ms)
    use_cores(arguments.cores)
    allow_many_connections()
    with (
        tempfile.TemporaryDirectory() as data,
        fake_models() as (url, _),
        kb_server(Path(data), KB_EMBEDDING__MODEL="hash") as server,
    ):
        make_app(server, url, load)
        print(report(asyncio.run(measure(server, load))))


if __name__ == "__main__":
    main()
