"""One answer in the making: a numbered, append-only buffer of events that any number may read.

The engine in `kb/chat/run/runs.py` fills it, or what another process writes down
(`kb/chat/run/shared_log.py`); readers only subscribe. Everything here belongs to one event loop:
call it from that loop's thread only.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

from kb.chat.ask.question import RunIdentity
from kb.text.fixed_sentences import Occasion, fixed_sentence
from kb.types import Cancelled, Completed, Failed, RunEvent, Scope, Sources

FAILURES: Mapping[str, Occasion] = {
    "model_unavailable": "model_failed",
    "unauthenticated": "key_ended",
}
"""The sentence for a code of a failure; others have the general one."""

Terminal = Completed | Failed | Cancelled
Numbered = tuple[int, RunEvent]


class Run:
    """The numbered events of one answer (ids from 1), and the handle to stop it."""

    def __init__(
        self,
        identity: RunIdentity,
        *,
        grace_s: float,
        arrival_s: float,
        expected_tokens: Callable[[], int] = lambda: 0,
        language: Callable[[], str] = lambda: "en",
    ) -> None:
        self.identity = identity
        self.expected_tokens = expected_tokens
        self._language = language
        self.created_at = time.time()
        self._events: list[RunEvent] = []
        self._terminal: Terminal | None = None
        self._last: int | None = None
        self._stop_reason: str | None = None
        self._interrupt: Callable[[], object] | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._subscribers = 0
        self._grace_s = grace_s
        self.followed_until = 0.0
        """Until when others read it in other processes, by the clock of the event loop."""
        self._loop = asyncio.get_running_loop()
        waiting = self._loop.call_later(arrival_s, self._abandoned)
        self._abandon: asyncio.TimerHandle | None = waiting

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return self.identity.run_id

    @property
    def events(self) -> Sequence[RunEvent]:
        """Everything so far; the event with id n stands at n - 1. Do not change it."""
        return self._events

    @property
    def last(self) -> int:
        """The number of the newest event: how many there are, but for the terminal event of a run
        that was lost with its process, which stands behind all that it may have sent."""
        return self._last or len(self._events)

    @property
    def terminal(self) -> Terminal | None:
        """The last event, None while the run goes on."""
        return self._terminal

    @property
    def stop_reason(self) -> str | None:
        """Why the run is to end, None if nobody asked for it."""
        return self._stop_reason

    def opens_to(self, scope: Scope) -> bool:
        """Whether a scope may follow it: it also carries labels of every source so far."""
        identity = self.identity
        if not scope.may("chat") or (identity.is_replay and not scope.may("admin")):
            return False
        if scope.apps is not None and identity.app_id not in scope.apps:
            return False
        if scope.end_user not in (None, identity.end_user):
            return False
        told = (event.sources for event in self._events if isinstance(event, Sources))
        return all(scope.carries(source.hit.labels) for sources in told for source in sources)

    @property
    def subscribers(self) -> int:
        """How many are reading at the moment."""
        return self._subscribers

    async def worded(self, failed: Failed) -> Failed:
        """A failure in the language of who asked.

        Telling a language the first time takes half a second: hence in a thread.
        """
        return worded(failed, await asyncio.to_thread(self._language))

    def stop(self, reason: str = "stopped") -> None:
        """Ask the run to end with Cancelled(reason). Harmless if it is ending or has ended."""
        if self._stop_reason is not None or self._terminal is not None:
            return
        self._stop_reason = reason
        if self._interrupt is not None:
            self._interrupt()

    async def wait(self) -> Terminal:
        """The terminal event, once it is there. Waiting does not count as reading."""
        while self._terminal is None:
            await self._changed()
        return self._terminal

    async def subscribe_batches(
        self, after: int = 0, *, is_over: Callable[[], bool] = lambda: False
    ) -> AsyncGenerator[list[Numbered], None]:
        """Every event with an id above `after`, once and in order, up to the terminal one: all that
        is waiting at once, to be sent in one write.

        The subscription ends when the generator is closed: use `contextlib.aclosing`.

        Args:
            is_over: whether this reader is to stop early; asked after every `wake`.
        """
        position = max(after, 0)
        self._enter()
        try:
            while not is_over():
                if position < len(self._events):
                    batch = list(enumerate(self._events[position:], start=position + 1))
                    position += len(batch)
                    if self._terminal is not None:
                        batch[-1] = (position := self.last, self._terminal)
                    yield batch
                elif self._terminal is not None:
                    if position < self.last:  # lost, and this reader has seen more than was kept
                        yield [(self.last, self._terminal)]
                    return
                else:
                    await self._changed()
        finally:
            self._leave()

    async def read_along(self) -> None:
        """Read to the end, which keeps the run going where waiting would not."""
        async with aclosing(self.subscribe_batches()) as batches:
            async for _ in batches:
                pass

    # --- the engine's side -----------------------------------------------------------------

    def interrupt_with(self, interrupt: Callable[[], object] | None) -> None:
        """What `stop` calls to wake the producer; None from when it must not be disturbed."""
        self._interrupt = interrupt

    def append(self, event: RunEvent) -> None:
        """Number an event and wake the readers."""
        self._events.append(event)
        if self._waiters:
            self.wake()

    def wake(self) -> None:
        """Let every reader look: there is an event, or one of them is to stop."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()

    def seal(self, terminal: Terminal, last: int | None = None) -> None:
        """Append the terminal event, unless there is one: a shutdown may have come first.

        Args:
            last: its number, if it is not the next one.
        """
        if self._terminal is None:
            self._disarm()
            self._terminal, self._last = terminal, last
            self.append(terminal)

    async def _changed(self) -> None:
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            with suppress(ValueError):
                self._waiters.remove(waiter)
            raise

    def _enter(self) -> None:
        self._subscribers += 1
        self._disarm()

    def _leave(self) -> None:
        self._subscribers -= 1
        if self._subscribers == 0 and self._terminal is None:
            self._abandon = self._loop.call_later(self._grace_s, self._abandoned)

    def _disarm(self) -> None:
        if self._abandon is not None:
            self._abandon.cancel()
            self._abandon = None

    def _abandoned(self) -> None:
        followed_s = self.followed_until - self._loop.time()
        if followed_s > 0:
            self._abandon = self._loop.call_later(followed_s, self._abandoned)
        else:
            self.stop("abandoned")


def worded(failed: Failed, language: str) -> Failed:
    """A failure in a language; one in English keeps its words, which say more."""
    if language == "en":
        return failed
    said = fixed_sentence(FAILURES.get(failed.error.code, "failed"), language)
    return replace(failed, error=replace(failed.error, detail=said))
