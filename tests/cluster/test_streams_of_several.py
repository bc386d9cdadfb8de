"""Streams of three API processes: what is cut goes on at another, and each ends once for all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from bench.measuring import RunningServer, fake_models
from bench.streams import TERMINAL, Load, make_app, measure
from bench.traffic.plain_sse import Client, Event, break_off
from tests.server import ServerProcess, running_server

pytestmark = [pytest.mark.needs("postgres"), pytest.mark.slow]

LOAD = Load(streams=60, tokens=40, pace_ms=50)
ALONE = Load(streams=1, tokens=100, pace_ms=20)


@pytest.fixture(scope="module")
def processes(cluster, tmp_path_factory) -> Iterator[list[ServerProcess]]:
    folder: Path = tmp_path_factory.mktemp("nodes")
    with ExitStack() as stack:
        url, _ = stack.enter_context(fake_models())
        shared = stack.enter_context(cluster.installation())
        started = [
            stack.enter_context(running_server(folder / f"node{n}", "--no-ingest", **shared))
            for n in range(3)
        ]
        make_app(as_benched(started[0]), url, LOAD)
        make_app(as_benched(started[0]), url, ALONE, "alone")
        yield started


def as_benched(server: ServerProcess) -> RunningServer:
    return RunningServer(server.process, server.url, server.key, 0.0)


def test_streams_that_break_off_go_on_at_another_process_with_every_token_once(processes):
    first, *others = map(as_benched, processes)

    result = asyncio.run(measure(first, LOAD, *others))

    assert result.is_exact, result.tallies
    assert sum(tally.tokens for tally in result.tallies) == LOAD.streams * LOAD.tokens
    assert {tally.kind: tally.resumed for tally in result.tallies}["cut"] == LOAD.streams // 5


def test_a_repetition_at_another_process_reads_the_first_answer(processes):
    asked = {"json": {"query": "Count.", "stream": False}, "headers": {"idempotency-key": "once"}}

    def ask(server: ServerProcess) -> tuple[str, bool]:
        with server.http as http:
            answer = http.post("/v1/apps/alone/chat", **asked)
        return answer.json()["run_id"], "idempotent-replayed" in answer.headers

    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(ask, processes))

    assert len({run_id for run_id, _ in answers}) == 1
    assert sorted(is_replayed for _, is_replayed in answers) == [False, True, True]


def test_a_killed_process_ends_its_streams_once_for_all_who_follow_and_in_the_store(processes):
    *living, killed = processes

    async def scenario() -> tuple[str, list[list[Event]]]:
        connection, events = await Client(killed.url, killed.key).ask("alone", "steady")
        run_id = (await anext(events)).data["run_id"]
        some = asyncio.Event()

        async def whole(server: ServerProcess) -> list[Event]:
            _, there = await Client(server.url, server.key).resume("steady", run_id, 0)
            seen = []
            async for event in there:
                seen.append(event)
                if len(seen) > 10:
                    some.set()
            return seen

        following = [asyncio.create_task(whole(server)) for server in living]
        await some.wait()
        killed.kill()
        break_off(connection)
        return run_id, await asyncio.gather(*following)

    run_id, (one, other) = asyncio.run(scenario())

    assert one == other
    *before, last = one
    assert [event.number for event in before] == list(range(1, len(one)))
    assert [event.name for event in one if event.name in TERMINAL] == ["run.failed"]
    assert last.data["error"]["code"] == "process_lost"
    with living[0].http as http:
        stored = http.get(f"/v1/runs/{run_id}").json()
        path = f"/v1/runs/{run_id}/events"
        seen_more = http.get(path, headers={"last-event-id": str(len(one) + 500)}).text
        again = http.get(path, headers={"last-event-id": str(last.number)})
    assert (stored["status"], stored["error"]["code"]) == ("failed", "process_lost")
    assert stored["answer"] == "".join(e.data["text"] for e in before if e.name == "delta")
    assert (seen_more.count("event: "), again.status_code) == (1, 204)
