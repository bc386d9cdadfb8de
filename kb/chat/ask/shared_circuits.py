"""Which models the processes of a cluster leave alone: what one has found, the others believe.

Each counts failures by itself, and asks a model once when its time is over.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from kb.models.llm.circuit import Circuit
from kb.store.access import counters
from kb.store.engine.database import Database

CIRCUIT = "circuit|"

SAME_S = 1.0
"""Moments that are told in seconds from now differ by less."""


class SharedCircuits:
    """What this process has told of circuits, and heard."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._told: dict[str, float | None] = {}

    def exchange(self, circuits: Mapping[str, Circuit]) -> None:
        """Tell what has changed here since the last time, and take over what has elsewhere."""
        heard = self._database.reading(counters.ends, CIRCUIT)
        now, changed = time.monotonic(), dict[str, float | None]()
        for name, circuit in circuits.items():
            own, seconds = circuit.open_until, heard.get(name)
            theirs = None if seconds is None else now + seconds
            if own != self._told.get(name):
                changed[name] = None if own is None else own - now
            elif not _are_same(own, theirs):
                circuit.take_over(theirs)
            self._told[name] = circuit.open_until
        if changed:
            with self._database.write_beside() as tx:
                for name, left_s in changed.items():
                    counters.put_end(tx, CIRCUIT + name, left_s)


def _are_same(own: float | None, theirs: float | None) -> bool:
    if own is None or theirs is None:
        return own is theirs
    return abs(own - theirs) < SAME_S
