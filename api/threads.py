"""Hops of endpoints from the event loop into threads: to read, to write, to preview a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Concatenate, ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar

from kb.errors import Overloaded
from kb.knowledge_base import KnowledgeBase
from kb.store.engine.database import Transaction
from kb.threads import STORE_THREADS, in_thread, limiter

__all__ = ["in_file_thread", "in_thread", "previewing", "read", "write"]

P = ParamSpec("P")
T = TypeVar("T")

PREVIEW_THREADS = 2
MAX_PREVIEWS_WAITING = 16

_files: RunVar[CapacityLimiter] = RunVar("kb_file_threads")
_preview: RunVar[CapacityLimiter] = RunVar("kb_preview_threads")


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


async def in_file_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call what may wait for the store of originals; nobody else waits behind it."""
    call = partial(function, *args, **kwargs)
    return await to_thread.run_sync(call, limiter=limiter(_files, STORE_THREADS))


async def previewing(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function that reads a whole file for somebody who waits for it.

    Raises:
        Overloaded: more are waiting than `MAX_PREVIEWS_WAITING`; nothing was begun.
    """
    room = limiter(_preview, PREVIEW_THREADS)
    if room.statistics().tasks_waiting >= MAX_PREVIEWS_WAITING:
        raise Overloaded("Too many previews are waiting. Try again in a moment.")
    return await to_thread.run_sync(partial(function, *args, **kwargs), limiter=room)
