"""Runs with producers that behave as a test wants."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from kb.chat.ask.question import RunIdentity
from kb.chat.run.run import Run
from kb.chat.run.runs import Runs
from kb.types import TERMINAL_EVENTS, Completed, Delta, Route, RunEvent, Usage
from tests.chatting import each

COMPLETED = Completed(
    "m", "stop", "abc", (), None, Route("base", "default", "x"), Usage(), None, {}
)


def identity(number: int = 0) -> RunIdentity:
    return RunIdentity(f"run{number}", "conversation", "message", "app")


def registry(**changes: float) -> Runs:
    return Runs(**({"grace_s": 60.0, "replay_s": 60.0, "max_runs": 100} | changes))


def producer(*events: RunEvent) -> Callable[[Run], AsyncGenerator[RunEvent, None]]:
    async def produce(run: Run) -> AsyncGenerator[RunEvent, None]:
        for event in events:
            await asyncio.sleep(0)
            yield event

    return produce


class Endless:
    """A producer that goes on until it is closed, and knows when that was."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self.started = asyncio.Event()

    async def __call__(self, run: Run) -> AsyncGenerator[RunEvent, None]:
        try:
            self.started.set()
            yield Delta("a")
            await asyncio.Event().wait()
            yield Delta("never")
        finally:
            await asyncio.sleep(0)
            self.closed.set()


async def read(run: Run, after: int = 0) -> list[tuple[int, RunEvent]]:
    async with aclosing(each(run, after)) as events:
        return [numbered async for numbered in events]


def terminals(run: Run) -> list[RunEvent]:
    return [event for event in run.events if isinstance(event, TERMINAL_EVENTS)]
