"""What keys use and who signs in wrongly, over all processes of a cluster.

Each process counts in memory first (`limits.py`), so what it can refuse by itself costs nothing;
what passes there is counted here, in rows.
"""

from __future__ import annotations

import math

from kb.access.limits import Caller, too_many_requests, too_many_streams
from kb.access.sign_in import FORGET_S, check_pause
from kb.files.owners import Owner
from kb.store.access import counters
from kb.store.engine.database import Database

REQUESTS = "requests|"
STREAMS = "streams|"
WRONG = "sign_in|"


class SharedLimits:
    """Requests a minute and open streams of keys. Thread-safe."""

    def __init__(self, database: Database, owner: Owner) -> None:
        self._database = database
        self._owner = owner

    def admit(self, caller: Caller) -> None:
        """Count one request. Raises RateLimited."""
        limit = caller.limits.requests_per_minute
        if caller.credential is None or limit is None:
            return
        with self._database.write_beside() as tx:
            wait_s = counters.spend(tx, REQUESTS + caller.credential.key_id, 60 / limit, 60.0)
        if wait_s > 0:
            raise too_many_requests(limit, math.ceil(wait_s))

    def open(self, caller: Caller) -> None:
        """Count one more open stream; `close` it in the end. Raises RateLimited."""
        limit = caller.limits.concurrent_streams
        if caller.credential is None or limit is None:
            return
        name = STREAMS + caller.credential.key_id
        with self._database.write_beside() as tx:
            if counters.open_one(tx, name, self._owner.id) <= limit:
                return
            if counters.without_dead(tx, name, self._owner.living()) > limit:
                raise too_many_streams(limit)

    def close(self, caller: Caller) -> None:
        """Count one less."""
        if caller.credential is not None and caller.limits.concurrent_streams is not None:
            with self._database.write_beside() as tx:
                counters.close_one(tx, STREAMS + caller.credential.key_id, self._owner.id)


class SharedTries:
    """Wrong tries to sign in, by address: what `SignInTries` is for one process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def admit(self, address: str) -> None:
        """Let an address try. Raises RateLimited while it pauses."""
        check_pause(*self._database.asking(counters.noted, WRONG, address, FORGET_S))

    def note(self, address: str) -> None:
        """It was wrong."""
        with self._database.write_beside() as tx:
            counters.note(tx, WRONG, address, FORGET_S)

    def forget(self, address: str) -> None:
        """Start anew with an address: it had the right one."""
        with self._database.write_beside() as tx:
            counters.forget(tx, WRONG + address)
