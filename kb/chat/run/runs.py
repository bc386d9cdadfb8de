"""The engine of runs: a task per answer, whoever is reading.

HTTP only subscribes. Every run ends with exactly one terminal event, whatever its producer does,
and that event is visible only after `on_end` has stored the message: who sees `run.completed` can
read it. Everything here belongs to one event loop; call it from that loop's thread only.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any

from kb.chat.ask.question import RunIdentity
from kb.chat.run.run import Run, Terminal
from kb.chat.run.run_log import EndedElsewhere, RunLog, Unfinished
from kb.errors import KnowledgeBaseError, Overloaded, Unavailable
from kb.types import TERMINAL_EVENTS, Cancelled, Completed, Delta, Failed, Failure, RunEvent

logger = logging.getLogger(__name__)

ARRIVAL_S = 5.0
"""Least time that a new run waits for its first subscriber, also if its grace time is 0."""

RETAINED_BYTES = 128 << 20
"""Most memory for finished runs that can be replayed; the oldest go first. That is 2,800 answers of
400 tokens (94 bytes each by `sys.getsizeof`) with sources and answer of 10 KB."""

INTERNAL = Failure("internal_error", "Something went wrong on our side. The log has the details.")
UNSTORED = Failure("internal_error", "The answer could not be stored. The log has the details.")

Producer = Callable[[Run], AsyncGenerator[RunEvent, None]]
OnEnd = Callable[[Run, Terminal], None]


class Runs:
    """All runs of this process: those in progress, and the finished ones that can be replayed.

    Args:
        grace_s: seconds a run goes on after its last subscriber has left.
        replay_s: seconds a finished run stays readable.
        max_runs: runs in progress at once.
        log: where other processes read them, and where theirs are read.
    """

    def __init__(
        self, *, grace_s: float, replay_s: float, max_runs: int, log: RunLog | None = None
    ) -> None:
        self.log = log or RunLog()
        self._grace_s = grace_s
        self._replay_s = replay_s
        self._max_runs = max_runs
        self._runs: dict[str, Run] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._finished: deque[tuple[float, int, Run]] = deque()
        self._finished_bytes = 0
        self._closed = False

    @property
    def active(self) -> int:
        """Runs in progress."""
        return len(self._tasks)

    @property
    def in_progress(self) -> list[Run]:
        """The runs that have not ended."""
        return [self._runs[run_id] for run_id in self._tasks]

    async def begin(
        self,
        unfinished: Callable[[], Unfinished],
        identity: RunIdentity,
        producer: Producer,
        **others: Any,
    ) -> Run:
        """Like `start`, and return when other processes can find the run, which works meanwhile."""
        begun = asyncio.get_running_loop().create_future()
        run = self.start(identity, producer, begun=begun, **others)
        try:
            await self.log.begin(unfinished)
        except BaseException:
            run.stop("not_begun")
            raise
        finally:
            begun.set_result(None)
        return run

    def start(
        self,
        identity: RunIdentity,
        producer: Producer,
        *,
        on_end: OnEnd | None = None,
        expected_tokens: Callable[[], int] = lambda: 0,
        language: Callable[[], str] = lambda: "en",
        begun: asyncio.Future[None] | None = None,
    ) -> Run:
        """Begin a run in a task of its own.

        Args:
            producer: called with the run, yields its events; its own terminal event is the last
                that is taken. It is closed, and may clean up, before the run ends.
            on_end: stores the message; runs in a thread, survives cancellation, and comes before
                the terminal event can be seen.
            expected_tokens: tells what it will likely use, when somebody limits that.
            language: tells in which language a failure is said.
            begun: what to wait for before it ends.

        Raises:
            Overloaded: too many runs are in progress, or the server is shutting down.
        """
        self.check()
        run = Run(
            identity,
            grace_s=self._grace_s,
            arrival_s=max(self._grace_s, ARRIVAL_S),
            expected_tokens=expected_tokens,
            language=language,
        )
        task = asyncio.create_task(_drive(run, producer, on_end, begun), name=f"run {run.run_id}")
        self.log.started(run)
        self._runs[run.run_id] = run
        self._tasks[run.run_id] = task
        task.add_done_callback(lambda _: self._ended(run))
        return run

    def check(self) -> None:
        """Whether another run may begin. Raises Overloaded."""
        self._forget_old()
        if self._closed:
            raise Overloaded("The server is shutting down. Try again in a moment.")
        if len(self._tasks) >= self._max_runs:
            raise Overloaded("Too many answers are being written. Try again in a moment.")

    def get(self, run_id: str) -> Run | None:
        """A run of this process, in progress or lately finished; None if unknown or forgotten."""
        self._forget_old()
        return self._runs.get(run_id)

    async def find(self, run_id: str) -> Run | None:
        """A run of any process, in progress or lately finished; None if unknown or forgotten."""
        return self.get(run_id) or await self.log.find(run_id)

    async def under(self, external_id: str) -> list[Run]:
        """The runs in progress whose conversation a client knows by a name of its own."""
        own = [run for run in self.in_progress if run.identity.external_id == external_id]
        return own + await self.log.under(external_id)

    async def close(self, grace_s: float = 10.0) -> None:
        """Cancel every run as "server_shutdown" and wait until each has stored its message.

        After `grace_s` seconds the subscribers of a run that still hangs are let go.
        """
        self._closed = True
        running = list(zip(self.in_progress, self._tasks.values(), strict=True))
        for run, _ in running:
            run.stop("server_shutdown")
        if running:
            await asyncio.wait([task for _, task in running], timeout=grace_s)
        for run, task in running:
            if not task.done():
                logger.error("run %s did not end in time", run.run_id)
                run.seal(Cancelled("server_shutdown"))
        await self.log.close()

    def _ended(self, run: Run) -> None:
        self._tasks.pop(run.run_id, None)
        size_bytes = sum(map(_size_bytes, run.events))
        self._finished.append((asyncio.get_running_loop().time(), size_bytes, run))
        self._finished_bytes += size_bytes
        self._forget_old()

    def _forget_old(self) -> None:
        if not self._finished:
            return
        before = asyncio.get_running_loop().time() - self._replay_s
        while self._finished and (
            self._finished[0][0] <= before or self._finished_bytes > RETAINED_BYTES
        ):
            _, size_bytes, run = self._finished.popleft()
            self._finished_bytes -= size_bytes
            self._runs.pop(run.run_id, None)


def _size_bytes(event: RunEvent) -> int:
    text = event.text if type(event) is Delta else repr(event)
    return sys.getsizeof(event) + sys.getsizeof(text)


async def _drive(
    run: Run, producer: Producer, on_end: OnEnd | None, begun: asyncio.Future[None] | None
) -> None:
    terminal: Terminal = Failed(INTERNAL, retryable=True)
    last: int | None = None
    try:
        terminal = await _produce(run, producer)
        run.interrupt_with(None)
        if isinstance(terminal, Failed):
            terminal = await run.worded(terminal)
        if begun is not None:
            await begun
        if on_end is not None:
            terminal = await _store(run, on_end, terminal)
    except EndedElsewhere as ended:
        terminal, last = ended.terminal, ended.last
    finally:
        run.seal(terminal, last)


async def _produce(run: Run, producer: Producer) -> Terminal:
    """Append the producer's events; whatever happens, return how the run ends."""
    task = asyncio.current_task()
    terminal: Terminal | None = None
    broken: Terminal | None = None
    try:
        if run.stop_reason is None and task is not None:
            run.interrupt_with(task.cancel)
            async with aclosing(producer(run)) as events:
                terminal = await _consume(run, events)
    except asyncio.CancelledError:
        if task is not None and task.cancelling():
            broken = Cancelled("server_shutdown")
    except Exception as exc:  # the edge of a run: the reader gets a sentence, the log the reason
        broken = _failed(run, exc)
    if terminal is not None:
        return terminal
    if run.stop_reason is not None:
        return Cancelled(run.stop_reason)
    return broken or _failed(run, None)


async def _consume(run: Run, events: AsyncGenerator[RunEvent, None]) -> Terminal | None:
    async for event in events:
        if run.stop_reason is not None:
            return None
        if isinstance(event, TERMINAL_EVENTS):
            run.interrupt_with(None)
            return event
        run.append(event)
    return None


def _failed(run: Run, exc: Exception | None) -> Failed:
    if isinstance(exc, KnowledgeBaseError):
        logger.warning("run %s failed: %s", run.run_id, exc.detail)
        return Failed(Failure(exc.code, exc.detail), retryable=isinstance(exc, Unavailable))
    if run.stop_reason is None:
        logger.error("run %s broke off without a terminal event", run.run_id, exc_info=exc)
    return Failed(INTERNAL, retryable=True)


async def _store(run: Run, on_end: OnEnd, terminal: Terminal) -> Terminal:
    """Call `on_end` in a thread; nothing interrupts it, and only what is stored is completed."""
    context = contextvars.copy_context()
    storing = asyncio.get_running_loop().run_in_executor(None, context.run, on_end, run, terminal)
    while not storing.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([storing])
    error = storing.exception()
    if error is None:
        return terminal
    if isinstance(error, EndedElsewhere):
        raise error
    logger.error("the message of run %s was not stored", run.run_id, exc_info=error)
    if not isinstance(terminal, Completed):
        return terminal
    if isinstance(error, KnowledgeBaseError):
        unstored = Failure(error.code, error.detail)
        return await run.worded(Failed(unstored, retryable=isinstance(error, Unavailable)))
    return await run.worded(Failed(UNSTORED, retryable=True))
