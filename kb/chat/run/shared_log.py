"""The log of runs of several processes over one database: rows, and notices that they changed.

What is acknowledged stands in a row before: that a run exists before its first event is sent, its
end together with its message.
"""

from __future__ import annotations

from collections.abc import Callable

from kb.chat.run.following import Following
from kb.chat.run.run import Run, Terminal
from kb.chat.run.run_log import RunLog, Unfinished
from kb.chat.run.stored_events import dumped_unfinished
from kb.chat.run.writing_down import WritingDown
from kb.files.owners import Owner
from kb.store.apps import runs
from kb.store.apps.runs import RunRow
from kb.store.engine.database import Database, Transaction
from kb.threads import in_thread


class SharedRunLog(RunLog):
    """Tells other processes of the runs of this one, and follows theirs."""

    def __init__(self, database: Database, owner: Owner, *, replay_s: float) -> None:
        """
        Args:
            replay_s: seconds for which ended runs are kept.
        """
        self._database = database
        self._owner = owner
        self._own = WritingDown(database, owner.id)
        self._others = Following(database, owner, replay_s)

    def open(self) -> None:
        """As the base says."""
        self._own.open()
        self._others.open()

    async def begin(self, unfinished: Callable[[], Unfinished]) -> None:
        """As the base says. Raises DatabaseUnavailable."""
        await in_thread(self._begin, unfinished)

    def started(self, run: Run) -> None:
        """As the base says."""
        self._own.add(run)

    def settle(self, tx: Transaction, run: Run, terminal: Terminal) -> None:
        """As the base says."""
        self._own.settle(tx, run, terminal)

    async def find(self, run_id: str) -> Run | None:
        """As the base says; also one of this process, when its memory has forgotten it."""
        if (known := self._others.get(run_id)) is not None:
            return known
        found = await in_thread(self._others.load, run_id)
        return None if found is None else self._others.follow(*found)

    async def under(self, external_id: str) -> list[Run]:
        """As the base says."""
        reading, own_id = self._database.reading, self._owner.id
        run_ids = await in_thread(lambda: reading(runs.under, external_id, own_id))
        found = [await self.find(run_id) for run_id in run_ids]
        return [run for run in found if run is not None]

    async def expected_tokens(self, key_id: str | None) -> int:
        """As the base says."""
        if key_id is None:
            return 0
        reading, own_id = self._database.reading, self._owner.id
        return await in_thread(lambda: reading(runs.expected_tokens, key_id, own_id))

    async def close(self) -> None:
        """As the base says."""
        await in_thread(self._own.close)
        await in_thread(self._others.close)

    def _begin(self, unfinished: Callable[[], Unfinished]) -> None:
        told = unfinished()
        identity = told.identity
        row = RunRow(
            run_id=identity.run_id,
            owner=self._owner.id,
            key_id=identity.key_id,
            external_id=identity.external_id,
            expected_tokens=told.expected_tokens,
            unfinished=dumped_unfinished(told),
        )
        with self._database.write_beside() as tx:
            runs.begin(tx, row)
