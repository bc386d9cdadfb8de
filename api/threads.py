"""Hops from the event loop into threads. Two limits of our own, so neither kind starves the other.

Searches have their own threads: a burst of questions waits among itself while lists, logins and
uploads go on. Limits belong to an event loop, hence the RunVars.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from kb.errors import Overloaded
from kb.knowledge_base import KnowledgeBase
from kb.store.engine.database import Transaction

P = ParamSpec("P")
T = TypeVar("T")

STORE_THREADS = 24
PREVIEW_THREADS = 2
MAX_PREVIEWS_WAITING = 16

_store: RunVar[CapacityLimiter] = RunVar("kb_store_threads")
_search: RunVar[CapacityLimiter] = RunVar("kb_search_threads")
_preview: RunVar[CapacityLimiter] = RunVar("kb_preview_threads")


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a blocking function without holding up the event loop."""
    limiter = _limiter(_store, STORE_THREADS)
    return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=limiter)


async def read(
    kb: KnowledgeBase,
    query: Callable[Concatenate[Transaction, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """One store function in a read transaction of its own."""
    return await in_thread(lambda: kb.database.reading(query, *args, **kwargs))


async def write(
    kb: KnowledgeBase,
    change: Callable[Concatenate[Transaction, P], T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """One store function in a write transaction of its own."""
    return await in_thread(lambda: kb.database.writing(change, *args, **kwargs))


async def searching(
    kb: KnowledgeBase, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Call a function that searches.

    Raises:
        Overloaded: more are waiting than `KB_SEARCH__MAX_WAITING`; nothing was begun.
    """
    settings = kb.settings.search
    limiter = _limiter(_search, settings.threads + 2)
    if limiter.statistics().tasks_waiting >= settings.max_waiting:
        raise Overloaded("Too many searches are waiting. Try again in a moment.")
    return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=limiter)


async def previewing(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function that reads a whole file for somebody who waits for it.

    Raises:
        Overloaded: more are waiting than `MAX_PREVIEWS_WAITING`; nothing was begun.
    """
    limiter = _limiter(_preview, PREVIEW_THREADS)
    if limiter.statistics().tasks_waiting >= MAX_PREVIEWS_WAITING:
        raise Overloaded("Too many previews are waiting. Try again in a moment.")
    return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=limiter)


def _limiter(variable: RunVar[CapacityLimiter], tokens: int) -> CapacityLimiter:
    try:
        return variable.get()
    except LookupError:
        limiter = CapacityLimiter(tokens)
        variable.set(limiter)
        return limiter
