"""Which of the servers that a cluster rests on can be reached.

A look may take as long as a server hangs, so nobody who asks waits for one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from kb.background import Loop, Wakeups
from kb.errors import Unavailable

logger = logging.getLogger(__name__)

LOOK_S = 10.0


class Servers(Loop):
    """The servers by what they keep: looked at in turn, by each process for itself."""

    def __init__(self, wakeups: Wakeups, looks: Mapping[str, Callable[[], object]]) -> None:
        """
        Args:
            looks: what a server keeps → a request that raises Unavailable where it cannot be done.
        """
        super().__init__("look at servers", self._round, wakeups)
        self._looks = looks
        self._away: dict[str, str] = {}

    def start(self) -> None:
        """Begin; with none there is nothing to do."""
        if self._looks:
            super().start()

    def settle(self) -> None:
        """Look at once."""
        self._round()

    @property
    def reached(self) -> dict[str, bool]:
        """What a server keeps → whether it answered last."""
        return {kept: kept not in self._away for kept in self._looks}

    def _round(self) -> float:
        for kept, look in self._looks.items():
            try:
                look()
            except Unavailable as exc:
                if kept not in self._away:
                    logger.warning("%s cannot be reached: %s", kept, exc.detail)
                self._away[kept] = exc.detail
            else:
                if self._away.pop(kept, None):
                    logger.warning("%s can be reached again", kept)
        return LOOK_S
