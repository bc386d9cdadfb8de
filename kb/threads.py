"""Hops from the event loop into threads. Searches have limits of their own, so that a burst of
questions waits among itself while lists, logins and uploads go on.

Limits belong to an event loop, hence the RunVars.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from kb.errors import Overloaded

P = ParamSpec("P")
T = TypeVar("T")

STORE_THREADS = 24

_store: RunVar[CapacityLimiter] = RunVar("kb_store_threads")
_search: RunVar[CapacityLimiter] = RunVar("kb_search_threads")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a blocking function without holding up the event loop."""
    call = partial(function, *args, **kwargs)
    return await to_thread.run_sync(call, limiter=limiter(_store, STORE_THREADS))


@asynccontextmanager
async def entered(manager: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter and leave what blocks without holding up the event loop."""
    with ExitStack() as stack:
        yield await in_thread(stack.enter_context, manager)
        await in_thread(stack.close)


class SearchThreads:
    """Runs functions that search: `threads` at once and two that make ready, `max_waiting` wait."""

    def __init__(self, threads: int, max_waiting: int) -> None:
        self._threads = threads
        self._max_waiting = max_waiting

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that searches.

        Raises:
            Overloaded: too many are waiting; nothing was begun.
        """
        room = limiter(_search, self._threads + 2)
        if room.statistics().tasks_waiting >= self._max_waiting:
            raise Overloaded("Too many searches are waiting. Try again in a moment.")
        return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=room)


def limiter(variable: RunVar[CapacityLimiter], threads: int) -> CapacityLimiter:
    """The limit that a variable holds in this event loop, made when it is first asked for."""
    try:
        return variable.get()
    except LookupError:
        made = CapacityLimiter(threads)
        variable.set(made)
        return made
