"""Follows runs of other processes by what they write down, and ends those of dead ones.

A lost run ends for all who follow it with one event, written by whoever notices first together with
the message that is left. Its number lies far behind the last one that was written down, because the
dead process may have sent more to readers of its own, who then come back with a higher number.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from kb.background import Loop
from kb.chat.run import recording
from kb.chat.run.run import Run, worded
from kb.chat.run.run_log import LOST
from kb.chat.run.stored_events import dumped, loaded, loaded_end, loaded_unfinished
from kb.chat.run.writing_down import ASKED, WRITTEN
from kb.errors import Unavailable
from kb.files.owners import Owner
from kb.store.apps import runs
from kb.store.apps.runs import RunRow
from kb.store.engine.database import Database, Transaction, notify_after
from kb.text.languages import spoken_language
from kb.types import Failed, RunEvent

logger = logging.getLogger(__name__)

GAP = 1_000_000
"""Numbers between what is known of a lost run and its end: more events than an answer has."""

KEPT_S = 10.0
"""How long a run is followed that nobody reads."""
FOLLOWED_S = 15.0
"""How long others count as readers without saying so again."""
RENEW_S = 5.0
POLL_S = 0.5
"""Behind the notices, which may be lost."""
REST_S = 5.0
TIDY_S = 5.0


class FollowedRun(Run):
    """A run of another process. To stop it is a request, and being left by all readers ends only
    the following."""

    def __init__(self, row: RunRow, ask: Callable[[], object], drop: Callable[[Run], object]):
        identity = loaded_unfinished(row.unfinished).identity
        language = partial(spoken_language, identity.query)
        super().__init__(identity, grace_s=KEPT_S, arrival_s=KEPT_S, language=language)
        self.owner = row.owner
        self.renewed_at = 0.0
        self.is_asked_to_stop = False
        self._ask = ask
        self._drop = drop
        self.interrupt_with(ask)

    def _enter(self) -> None:
        super()._enter()
        self._ask()

    def _abandoned(self) -> None:
        if self._waiters or self.subscribers:
            self._abandon = self._loop.call_later(KEPT_S, self._abandoned)
        else:
            self._drop(self)


class Following:
    """The runs of other processes that somebody here wants to know of."""

    def __init__(self, database: Database, owner: Owner, replay_s: float) -> None:
        self._database = database
        self._owner = owner
        self._replay_s = replay_s
        self._runs: dict[str, FollowedRun] = {}
        self._tidy_at = 0.0
        self._event_loop: asyncio.AbstractEventLoop | None = None
        self._loop = Loop(WRITTEN, self._round, database.wakeups, is_patient=False)

    def open(self) -> None:
        """Begin. Call it in the event loop of the runs."""
        self._event_loop = asyncio.get_running_loop()
        self._loop.start()

    def close(self) -> None:
        """Follow nothing any more."""
        self._loop.stop()

    def get(self, run_id: str) -> Run | None:
        """A run that is followed already."""
        return self._runs.get(run_id)

    def load(self, run_id: str) -> tuple[RunRow, list[RunEvent]] | None:
        """What is known of a run, None if nothing. Call it in a thread."""
        with self._database.read() as tx:
            row = runs.get(tx, run_id)
            return None if row is None else (row, _events(tx, row))

    def follow(self, row: RunRow, events: Sequence[RunEvent]) -> Run:
        """A run whose events go on to come. Call it in the event loop."""
        if (known := self._runs.get(row.run_id)) is not None:
            return known
        run = FollowedRun(row, self._wake, self._drop)
        for event in events:
            run.append(event)
        if row.terminal is not None:
            run.seal(*loaded_end(row))
        else:
            self._runs[row.run_id] = run
            self._wake()
        return run

    def _wake(self) -> None:
        self._database.wakeups.notify(WRITTEN)

    def _drop(self, run: Run) -> None:
        self._runs.pop(run.run_id, None)

    def _round(self) -> float:
        followed = list(self._runs.values())
        try:
            if followed:
                self._ask(followed)
                self._read(followed)
            if time.monotonic() >= self._tidy_at:
                self._tidy()
                self._tidy_at = time.monotonic() + TIDY_S
        except Unavailable as exc:
            logger.warning("runs of other processes cannot be read, which is tried again: %s", exc)
        return POLL_S if followed else REST_S

    def _ask(self, followed: Sequence[FollowedRun]) -> None:
        """Tell other processes what is wanted of their runs."""
        renewed_before = time.monotonic() - RENEW_S
        read = [r for r in followed if r.subscribers and r.renewed_at < renewed_before]
        stop = [r for r in followed if r.stop_reason and not r.is_asked_to_stop]
        if not (read or stop):
            return
        with self._database.write_beside() as tx:
            runs.follow(tx, [run.run_id for run in read], FOLLOWED_S)
            for run in stop:
                runs.ask_to_stop(tx, run.run_id, run.stop_reason or "stopped")
            notify_after(tx, ASKED)
        for run in read:
            run.renewed_at = time.monotonic()
        for run in stop:
            run.is_asked_to_stop = True

    def _read(self, followed: Sequence[FollowedRun]) -> None:
        known = {run.run_id: len(run.events) for run in followed}
        fresh: dict[str, list[RunEvent]] = {run_id: [] for run_id in known}
        with self._database.read() as tx:
            rows = {row.run_id: row for row in runs.several(tx, known)}
            upto = dict(known)
            while batches := runs.next_batches(tx, upto):
                for batch in batches:
                    fresh[batch.run_id] += loaded(batch.events)
                upto = {
                    each.run_id: known[each.run_id] + len(fresh[each.run_id]) for each in batches
                }
        if self._event_loop is not None:
            self._event_loop.call_soon_threadsafe(self._take, followed, known, fresh, rows)

    def _take(
        self,
        followed: Sequence[FollowedRun],
        known: Mapping[str, int],
        fresh: Mapping[str, Sequence[RunEvent]],
        rows: Mapping[str, RunRow],
    ) -> None:
        for run in followed:
            row = rows.get(run.run_id)
            if len(run.events) != known[run.run_id]:
                continue  # the round before was taken after this one had begun
            kept = row.kept if row else None
            upto = None if kept is None else max(0, kept - len(run.events))
            for event in fresh[run.run_id][:upto]:
                run.append(event)
            if row is None or row.terminal is not None:
                run.seal(*loaded_end(row))
                self._drop(run)

    def _tidy(self) -> None:
        """End what is left of dead processes, and forget what is old."""
        left = self._database.reading(runs.left, self._owner.living())
        for run_id in left:
            self._database.writing(end_lost, run_id)
        with self._database.write_beside() as tx:
            runs.forget(tx, self._replay_s)


def end_lost(tx: Transaction, run_id: str) -> None:
    """End a run of a dead process, and store what is known of its answer."""
    row = runs.get(tx, run_id)
    if row is None or row.terminal is not None:
        return
    unfinished, events = loaded_unfinished(row.unfinished), _events(tx, row)
    language = spoken_language(unfinished.identity.query)
    failed = worded(Failed(LOST, retryable=True), language)
    runs.end(tx, run_id, len(events), len(events) + GAP, dumped([failed]))
    recording.store_lost(tx, unfinished, events, failed)
    notify_after(tx, WRITTEN)
    logger.warning("run %s was lost with its process", run_id)


def _events(tx: Transaction, row: RunRow) -> list[RunEvent]:
    """What counts of a run's events, without the terminal one."""
    return [event for each in runs.batches(tx, row.run_id) for event in loaded(each.events)][
        : row.kept
    ]
