"""Writes down the events of this process's runs, for those who follow them in others.

It comes behind: who reads here is sent an event at once, and what is new in all runs goes out in
one transaction now and then, oftener while somebody follows. It also hears what others ask for.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from kb.background import Loop
from kb.chat.run.run import Run, Terminal
from kb.chat.run.run_log import EndedElsewhere
from kb.chat.run.stored_events import dumped, loaded_end
from kb.errors import Unavailable
from kb.store.apps import runs
from kb.store.apps.runs import Batch
from kb.store.engine.database import Database, Transaction, notify_after
from kb.types import TERMINAL_EVENTS

logger = logging.getLogger(__name__)

ASKED = "run_requests"
"""Woken by who wants to follow or stop a run."""
WRITTEN = "run_events"
"""Woken by what was written down of a run that somebody follows."""

BATCH_S = 0.25
"""Between two rounds while nobody follows: what a round takes is shared by several tokens."""
FOLLOWED_S = 0.02
"""…and while somebody does, who waits for it."""
REST_S = 5.0
RETRY_S = 1.0


@dataclass(slots=True)
class _Own:
    """A run of this process, and how many events of it are written down, as far as is known."""

    run: Run
    written: int = 0
    is_sure: bool = True


class WritingDown:
    """What is told of the runs of this process."""

    def __init__(self, database: Database, owner_id: str) -> None:
        self._database = database
        self._owner_id = owner_id
        self._own: dict[str, _Own] = {}
        self._turn = threading.Lock()
        self._event_loop: asyncio.AbstractEventLoop | None = None
        self._loop = Loop(ASKED, self._round, database.wakeups, is_patient=False)

    def open(self) -> None:
        """Begin. Call it in the event loop of the runs."""
        self._event_loop = asyncio.get_running_loop()
        self._loop.start()

    def add(self, run: Run) -> None:
        """Write down this run as well."""
        self._own[run.run_id] = _Own(run)
        if len(self._own) == 1:  # else the next round is near
            self._database.wakeups.notify(ASKED)

    def settle(self, tx: Transaction, run: Run, terminal: Terminal) -> None:
        """As `RunLog.settle`."""
        with self._turn:
            if (own := self._own.get(run.run_id)) is None:  # closed without waiting for it
                raise EndedElsewhere(*loaded_end(runs.get(tx, run.run_id)))
            _make_sure(tx, [own])
            if batch := _new(own):
                runs.write_down(tx, [batch])
            kept = own.written + (batch.count if batch else 0)
            if not runs.end(tx, run.run_id, kept, kept + 1, dumped([terminal])):
                raise EndedElsewhere(*loaded_end(runs.get(tx, run.run_id)))
        if _is_followed(own):
            notify_after(tx, WRITTEN)

    def close(self) -> None:
        """Write down what is left."""
        self._loop.stop()
        try:
            self._write_down()
        except Unavailable as exc:
            logger.warning("the last runs of this process pass for lost: %s", exc)

    def _round(self) -> float:
        try:
            self._write_down()
        except Unavailable as exc:
            logger.warning("runs are not written down, which is tried again: %s", exc)
            return RETRY_S
        if any(map(_is_followed, list(self._own.values()))):
            return FOLLOWED_S
        return BATCH_S if self._own else REST_S

    def _write_down(self) -> None:
        with self._turn:
            if not (own := list(self._own.values())):
                return
            ended = [each for each in own if each.run.terminal is not None]
            with self._database.write_beside() as tx:
                _make_sure(tx, own)
                batches = [batch for each in own if (batch := _new(each))]
                for each in own:
                    each.is_sure = False
                self._write(tx, batches, ended)
                asked = runs.asked(tx, self._owner_id)
            for batch in batches:
                self._own[batch.run_id].written += batch.count
            for each in own:
                each.is_sure = True
            for each in ended:
                del self._own[each.run.run_id]
        if asked and self._event_loop is not None:
            self._event_loop.call_soon_threadsafe(self._obey, asked)

    def _write(self, tx: Transaction, batches: list[Batch], ended: Iterable[_Own]) -> None:
        runs.write_down(tx, batches)
        for each in ended:  # nearly all are settled, and stay as they are
            run, kept = each.run, len(each.run.events) - 1
            runs.end(tx, run.run_id, kept, kept + 1, dumped(run.events[kept:]))
        if any(_is_followed(self._own[batch.run_id]) for batch in batches):
            notify_after(tx, WRITTEN)

    def _obey(self, asked: list[tuple[str, str | None, float]]) -> None:
        for run_id, reason, followed_s in asked:
            if (own := self._own.get(run_id)) is not None:
                own.run.followed_until = time.monotonic() + followed_s
                if reason is not None:
                    own.run.stop(reason)


def _make_sure(tx: Transaction, own: Iterable[_Own]) -> None:
    """Look what is there of runs where a transaction broke off, which may have been at its end."""
    unsure = {each.run.run_id: each for each in own if not each.is_sure}
    if unsure:
        for run_id, count in runs.written(tx, unsure).items():
            unsure[run_id].written = count


def _new(own: _Own) -> Batch | None:
    """The events that are not written down, but for the terminal one."""
    fresh = own.run.events[own.written :]
    if fresh and isinstance(fresh[-1], TERMINAL_EVENTS):
        fresh = fresh[:-1]
    if not fresh:
        return None
    return Batch(own.run.run_id, own.written + 1, len(fresh), dumped(fresh))


def _is_followed(own: _Own) -> bool:
    return own.run.followed_until > time.monotonic()
