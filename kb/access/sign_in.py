"""How often one may try to sign in: wrong tries cost their address a pause."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from kb.errors import RateLimited

FREE_TRIES = 5
"""Wrong tries of an address before each one costs a pause, the next twice as long. A person who
pastes the wrong line needs two or three."""
MANY_TRIES = 100
"""Wrong tries of all addresses together in an hour, after which nobody has free ones."""
MAX_PAUSE_S = 300.0
FORGET_S = 3600.0
MAX_ADDRESSES = 10_000


@dataclass(frozen=True, slots=True)
class _Wrong:
    tries: int
    at: float


class Tries(Protocol):
    """Wrong tries, of this process or of all."""

    def admit(self, address: str) -> None:
        """Let an address try. Raises RateLimited while it pauses."""

    def note(self, address: str) -> None:
        """It was wrong."""

    def forget(self, address: str) -> None:
        """Start anew with an address."""


class SignInTries:
    """Wrong tries, by address. Nobody can keep somebody at another address from a first one.

    Args:
        clock: seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._wrong: dict[str, _Wrong] = {}  # the latest last
        self._tries = 0

    def admit(self, address: str) -> None:
        """Let an address try. Raises RateLimited while it pauses."""
        now = self._clock()
        while self._wrong and (first := next(iter(self._wrong.items())))[1].at < now - FORGET_S:
            self.forget(first[0])
        wrong = self._wrong.get(address, _Wrong(0, now))
        check_pause(wrong.tries, now - wrong.at, self._tries)

    def note(self, address: str) -> None:
        """It was wrong."""
        before = self._wrong.pop(address, _Wrong(0, 0.0))
        self._wrong[address] = _Wrong(before.tries + 1, self._clock())
        self._tries += 1
        if len(self._wrong) > MAX_ADDRESSES:
            self.forget(next(iter(self._wrong)))

    def forget(self, address: str) -> None:
        """Start anew with an address: it had the right one, or much time has passed."""
        self._tries -= self._wrong.pop(address, _Wrong(0, 0.0)).tries


def check_pause(tries: int, ago_s: float, of_all: int) -> None:
    """Whether an address may try.

    Args:
        tries: its wrong ones.
        ago_s: seconds since the last of them.
        of_all: the wrong ones of all addresses.

    Raises:
        RateLimited: it pauses.
    """
    costly = tries - (FREE_TRIES if of_all < MANY_TRIES else 0)
    pause_s = min(MAX_PAUSE_S, 2.0 ** min(costly, 10)) if costly > 0 else 0.0
    wait_s = math.ceil(pause_s - ago_s)
    if wait_s > 0:
        raise RateLimited(
            f"Too many wrong keys came from this address. Wait {wait_s} s, then try the key "
            f"of the file `admin.key` or of KB_ADMIN_KEY.",
            wait_s,
        )
