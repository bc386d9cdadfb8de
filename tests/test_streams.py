"""Many streams by real processes: every token once and in order, and an end for each at SIGTERM."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench.measuring import RunningServer, fake_models
from bench.streams import Load, allow_many_connections, make_app, measure
from bench.traffic.dialects import ask_mixed, targets
from bench.traffic.plain_sse import Client
from tests.server import ServerProcess, running_server, wait_for_batch

LOAD = Load(streams=500, tokens=40, pace_ms=50)
STREAMS = 200
DOCUMENTS = 300
WITHIN_S = 15
LONG = Load(streams=STREAMS, tokens=100_000, pace_ms=50)


def as_benched(server: ServerProcess) -> RunningServer:
    return RunningServer(server.process, server.url, server.key, 0.0)


def test_500_streams_at_once_lose_double_and_reorder_nothing(tmp_path: Path):
    allow_many_connections()
    with fake_models() as (url, _), running_server(tmp_path / "data") as server:
        make_app(as_benched(server), url, LOAD)

        result = asyncio.run(measure(as_benched(server), LOAD))

        assert result.most_open == LOAD.streams
        assert result.is_exact, result.tallies
        assert sum(tally.tokens for tally in result.tallies) == LOAD.streams * LOAD.tokens
        assert {tally.kind: tally.resumed for tally in result.tallies} == {
            "steady": 0,
            "slow": 0,
            "cut": 2 * LOAD.streams // 10,
        }
        with server.http as http:  # and it still writes
            assert http.post("/v1/datasets", json={"name": "after"}).status_code == 201


def test_100_streams_at_once_in_every_dialect_have_each_token(tmp_path: Path):
    with fake_models() as (url, _), running_server(tmp_path / "data") as server:
        mixed = targets(as_benched(server), url, "mixed", "numbers:60:20:100", [])

        asyncio.run(
            ask_mixed(mixed, 100, 60)
        )  # no stream says its second number before all have begun

        assert len(mixed) == 6


async def last_events(client: Client, begun: asyncio.Event) -> list[str]:
    """Read so many endless answers; returns what each ended with."""
    waiting = STREAMS

    async def read() -> str:
        nonlocal waiting
        connection, events = await client.ask("counting", "steady")
        name = ""
        async for event in events:
            waiting -= not name
            name = event.name
            if not waiting:
                begun.set()
        connection.close()
        return name

    return await asyncio.gather(*(read() for _ in range(STREAMS)))


def upload(server: ServerProcess) -> str:
    with server.http as http:
        dataset = http.post("/v1/datasets", json={"name": "bulk"}).json()["id"]
        text = "Rules of the house. " * 400
        files = [("f", (f"{n}.md", f"# {n}\n\n{text}".encode())) for n in range(DOCUMENTS)]
        return http.post(f"/v1/datasets/{dataset}/documents", files=files).json()["batch_id"]


def test_sigterm_ends_200_streams_and_an_ingest_in_time_and_loses_no_document(tmp_path: Path):
    allow_many_connections()
    data = tmp_path / "data"
    with fake_models() as (url, _), running_server(data) as server:
        make_app(as_benched(server), url, LONG)

        async def stop_in_the_middle() -> tuple[list[str], str, int]:
            begun = asyncio.Event()
            reading = asyncio.create_task(last_events(Client(server.url, server.key), begun))
            await begun.wait()
            batch = await asyncio.to_thread(upload, server)
            server.process.terminate()
            status = await asyncio.to_thread(server.process.wait, WITHIN_S)
            return await reading, batch, status

        ends, batch, status = asyncio.run(stop_in_the_middle())

    assert status == 0
    assert ends == ["run.cancelled"] * STREAMS
    with running_server(data) as again, again.http as http:
        assert wait_for_batch(http, batch)["ready"] == DOCUMENTS
        kept = http.get("/v1/conversations", params={"limit": 200}).json()["data"]
        assert len(kept) == STREAMS  # the partial answers
