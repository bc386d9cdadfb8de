"""Runs and their readers: every event once, a grace time for the last, an end at shutdown."""

import asyncio
import gc
from collections.abc import AsyncGenerator

import pytest

from kb.chat.run import runs as runs_module
from kb.chat.run.run import Run
from kb.errors import Overloaded
from kb.types import (
    Cancelled,
    Delta,
    RunEvent,
)
from tests.chatting import each
from tests.kb.chat.run.runs_for_tests import (
    COMPLETED,
    Endless,
    identity,
    producer,
    read,
    registry,
    terminals,
)


def test_every_subscriber_gets_every_event_once_in_order_whenever_it_comes():
    async def scenario() -> None:
        letters = [Delta(letter) for letter in "abcdefgh"]
        run = registry().start(identity(), producer(*letters, COMPLETED))
        early = [asyncio.create_task(read(run)) for _ in range(3)]
        await asyncio.sleep(0)
        resumed = asyncio.create_task(read(run, after=4))
        expected = list(enumerate([*letters, COMPLETED], start=1))
        assert await asyncio.gather(*early) == [expected] * 3
        assert await resumed == expected[4:]
        assert await read(run) == expected
        assert await read(run, after=9) == []
        assert await read(run, after=99) == []

    asyncio.run(scenario())


def test_batches_hold_all_that_is_waiting():
    async def scenario() -> None:
        run = registry().start(identity(), producer(Delta("a"), Delta("b"), COMPLETED))
        assert await run.wait() == COMPLETED
        batches = [batch async for batch in run.subscribe_batches(after=1)]
        assert batches == [[(2, Delta("b")), (3, COMPLETED)]]

    asyncio.run(scenario())


def test_a_run_is_abandoned_when_its_last_reader_has_been_gone_for_the_grace_time():
    async def scenario() -> None:
        endless = Endless()
        run = registry(grace_s=0.05).start(identity(), endless)
        first = asyncio.create_task(read(run))
        second = asyncio.create_task(read(run))
        await endless.started.wait()
        await asyncio.sleep(0)
        assert run.subscribers == 2
        first.cancel()
        await asyncio.sleep(0.1)
        assert run.terminal is None
        second.cancel()
        await asyncio.sleep(0.01)
        third = asyncio.create_task(read(run, after=1))
        await asyncio.sleep(0.1)
        assert run.terminal is None
        third.cancel()
        assert await run.wait() == Cancelled("abandoned")
        assert endless.closed.is_set()

    asyncio.run(scenario())


def test_without_grace_the_last_reader_takes_the_run_with_it():
    async def scenario() -> None:
        endless = Endless()
        run = registry(grace_s=0).start(identity(), endless)
        await asyncio.sleep(0.02)
        assert run.terminal is None
        events = each(run)
        assert await anext(events) == (1, Delta("a"))
        await events.aclose()
        assert await run.wait() == Cancelled("abandoned")

    asyncio.run(scenario())


def test_a_run_that_nobody_ever_reads_is_abandoned(monkeypatch):
    monkeypatch.setattr(runs_module, "ARRIVAL_S", 0.02)

    async def scenario() -> None:
        run = registry(grace_s=0).start(identity(), Endless())
        assert await run.wait() == Cancelled("abandoned")

    asyncio.run(scenario())


def test_finished_runs_leave_no_tasks_behind():
    async def scenario() -> None:
        runs = registry()
        started = [runs.start(identity(n), producer(Delta("a"), COMPLETED)) for n in range(50)]
        await asyncio.gather(*(read(run) for run in started))
        await asyncio.sleep(0.01)
        gc.collect()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert runs.active == 0
        assert all(run.subscribers == 0 for run in started)

    asyncio.run(scenario())


def test_closing_ends_every_run_with_a_terminal_event_and_takes_no_more():
    async def scenario() -> None:
        runs = registry()
        endless = [Endless() for _ in range(20)]
        started = [runs.start(identity(n), one) for n, one in enumerate(endless)]
        readers = [asyncio.create_task(read(run)) for run in started]
        await endless[-1].started.wait()
        await runs.close()
        assert [run.terminal for run in started] == [Cancelled("server_shutdown")] * 20
        assert all(one.closed.is_set() for one in endless)
        assert all(
            events[-1][1] == Cancelled("server_shutdown")
            for events in await asyncio.gather(*readers)
        )
        with pytest.raises(Overloaded):
            runs.start(identity(99), Endless())

    asyncio.run(scenario())


def test_closing_lets_the_readers_of_a_hanging_run_go():
    async def hanging(run: Run) -> AsyncGenerator[RunEvent, None]:
        try:
            yield Delta("a")
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.3)

    async def scenario() -> None:
        runs = registry()
        run = runs.start(identity(), hanging)
        await asyncio.sleep(0.01)
        await runs.close(grace_s=0.05)
        assert run.terminal == Cancelled("server_shutdown")
        await asyncio.sleep(0.4)
        assert len(terminals(run)) == 1

    asyncio.run(scenario())


def test_the_end_of_the_event_loop_ends_a_run_too():
    ended: list[Run] = []
    stored: list[RunEvent] = []

    async def scenario() -> None:
        endless = Endless()
        run = registry().start(
            identity(), endless, on_end=lambda run, terminal: stored.append(terminal)
        )
        ended.append(run)
        await endless.started.wait()

    asyncio.run(scenario())
    assert ended[0].terminal == Cancelled("server_shutdown")
    assert stored == [Cancelled("server_shutdown")]
