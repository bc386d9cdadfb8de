"""Runs: every one ends exactly once, stored first, whatever its producer does."""

import asyncio
import threading
from collections.abc import AsyncGenerator

import pytest

from kb.chat.run import runs as runs_module
from kb.chat.run.run import Run
from kb.errors import ModelUnavailable, Overloaded, StorageFull
from kb.types import (
    Cancelled,
    Delta,
    Failed,
    RunEvent,
)
from tests.kb.chat.run.runs_for_tests import (
    COMPLETED,
    Endless,
    identity,
    producer,
    read,
    registry,
    terminals,
)


def test_nothing_follows_the_terminal_event():
    async def scenario() -> None:
        run = registry().start(identity(), producer(COMPLETED, Delta("late"), COMPLETED))
        await run.wait()
        await asyncio.sleep(0.01)
        assert list(run.events) == [COMPLETED]

    asyncio.run(scenario())


async def _raise(error: BaseException) -> AsyncGenerator[RunEvent, None]:
    yield Delta("a")
    raise error


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (ValueError("secret"), "internal_error", True),
        (ModelUnavailable("The model is away."), "model_unavailable", True),
        (asyncio.CancelledError(), "internal_error", True),
    ],
)
def test_a_producer_that_raises_ends_as_failed_without_the_words_of_a_foreign_error(
    error, code, retryable
):
    async def scenario() -> None:
        run = registry().start(identity(), lambda run: _raise(error))
        terminal = await run.wait()
        assert isinstance(terminal, Failed)
        assert (terminal.error.code, terminal.retryable) == (code, retryable)
        assert "secret" not in terminal.error.detail
        assert len(terminals(run)) == 1

    asyncio.run(scenario())


def test_a_producer_that_just_returns_ends_as_failed():
    async def scenario() -> None:
        run = registry().start(identity(), producer(Delta("a")))
        assert isinstance(await run.wait(), Failed)

    asyncio.run(scenario())


def test_stop_closes_the_producer_and_is_idempotent():
    async def scenario() -> None:
        endless = Endless()
        run = registry().start(identity(), endless)
        await endless.started.wait()
        run.stop()
        run.stop("again")
        assert await run.wait() == Cancelled("stopped")
        assert endless.closed.is_set()
        run.stop()
        assert len(terminals(run)) == 1

    asyncio.run(scenario())


def test_a_run_stopped_before_its_task_began_still_ends():
    async def scenario() -> None:
        endless = Endless()
        run = registry().start(identity(), endless)
        run.stop()
        assert await run.wait() == Cancelled("stopped")
        assert not endless.started.is_set()

    asyncio.run(scenario())


def test_a_producer_that_ignores_cancellation_is_stopped_at_its_next_event():
    async def stubborn(run: Run) -> AsyncGenerator[RunEvent, None]:
        while True:
            try:
                await asyncio.sleep(0.001)
            except asyncio.CancelledError:
                yield Delta("still here")
            yield Delta("a")

    async def scenario() -> None:
        run = registry().start(identity(), stubborn)
        await asyncio.sleep(0.01)
        run.stop()
        assert await run.wait() == Cancelled("stopped")
        assert Delta("still here") not in run.events

    asyncio.run(scenario())


def test_the_message_is_stored_before_the_terminal_event_is_seen():
    async def scenario() -> None:
        seen: list[tuple[int, bool]] = []

        def on_end(run: Run, terminal: RunEvent) -> None:
            seen.append((len(run.events), run.terminal is None))

        run = registry().start(identity(), producer(Delta("a"), COMPLETED), on_end=on_end)
        assert (await read(run))[-1] == (2, COMPLETED)
        assert seen == [(1, True)]

    asyncio.run(scenario())


def test_a_cancelled_run_is_stored_with_what_it_has_and_nothing_interrupts_that():
    async def scenario() -> None:
        gate, stored = threading.Event(), []

        def on_end(run: Run, terminal: RunEvent) -> None:
            gate.wait(5)
            stored.append((list(run.events), terminal))

        endless = Endless()
        runs = registry()
        run = runs.start(identity(), endless, on_end=on_end)
        await endless.started.wait()
        run.stop()
        await endless.closed.wait()
        await asyncio.sleep(0.01)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.01)
        assert run.terminal is None
        gate.set()
        assert await run.wait() == Cancelled("stopped")
        assert stored == [([Delta("a")], Cancelled("stopped"))]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("error", "code"),
    [(StorageFull("The disk is full."), "storage_full"), (OSError("x"), "internal_error")],
)
def test_an_answer_that_cannot_be_stored_is_not_completed(error, code):
    def on_end(run: Run, terminal: RunEvent) -> None:
        raise error

    async def scenario() -> None:
        run = registry().start(identity(), producer(COMPLETED), on_end=on_end)
        terminal = await run.wait()
        assert isinstance(terminal, Failed)
        assert terminal.error.code == code
        assert len(terminals(run)) == 1

    asyncio.run(scenario())


def test_a_completed_answer_survives_a_producer_that_cleans_up_badly():
    async def messy(run: Run) -> AsyncGenerator[RunEvent, None]:
        try:
            yield COMPLETED
        finally:
            raise RuntimeError("upstream would not close")

    async def scenario() -> None:
        assert await registry().start(identity(), messy).wait() == COMPLETED

    asyncio.run(scenario())


def test_too_many_runs_are_refused_until_one_ends():
    async def scenario() -> None:
        runs = registry(max_runs=2)
        first = runs.start(identity(1), Endless())
        runs.start(identity(2), Endless())
        with pytest.raises(Overloaded):
            runs.start(identity(3), Endless())
        assert runs.active == 2
        first.stop()
        await first.wait()
        await asyncio.sleep(0)
        assert runs.start(identity(3), Endless()).run_id == "run3"
        await runs.close()

    asyncio.run(scenario())


def test_finished_runs_are_forgotten_after_the_replay_time():
    async def scenario() -> None:
        runs = registry(replay_s=0.05)
        run = runs.start(identity(), producer(COMPLETED))
        await run.wait()
        await asyncio.sleep(0)
        assert runs.get("run0") is run
        assert runs.get("unknown") is None
        await asyncio.sleep(0.1)
        assert runs.get("run0") is None

    asyncio.run(scenario())


def test_the_oldest_finished_runs_go_first_when_their_texts_take_too_much(monkeypatch):
    monkeypatch.setattr(runs_module, "RETAINED_BYTES", 100_000)

    async def scenario() -> None:
        runs = registry()
        for number in range(3):  # few events, and long ones: two such answers fit
            await runs.start(identity(number), producer(Delta("a" * 40_000), COMPLETED)).wait()
            await asyncio.sleep(0)
        assert [runs.get(f"run{n}") is not None for n in range(3)] == [False, True, True]

    asyncio.run(scenario())
