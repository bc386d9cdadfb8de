"""Opaque identifiers and times. Ids sort by creation, so a list pages by id alone."""

from __future__ import annotations

import secrets
import threading
import time
from datetime import UTC, datetime, timedelta

_turn = threading.Lock()
_latest = 0


def new_id(prefix: str) -> str:
    """An id such as `doc_019a…`: 48 bits of milliseconds, then 64 random bits, in hex.

    Each sorts after all that this process made before, also within a millisecond and while the
    clock is behind.
    """
    global _latest
    with _turn:
        by_clock = time.time_ns() // 1_000_000 << 64 | secrets.randbits(64)
        _latest = max(by_clock, _latest + 1 + secrets.randbits(48))
        return f"{prefix}_{_latest:028x}"


def first_id(prefix: str, moment: str) -> str:
    """What the ids that are made from a moment (RFC 3339) on sort after."""
    milliseconds = round(datetime.fromisoformat(moment).timestamp() * 1000)
    return f"{prefix}_{milliseconds << 64:028x}"


def now() -> str:
    """The present as `rfc3339`."""
    return rfc3339(datetime.now(UTC))


def midnight() -> datetime:
    """When the present day (UTC) ends, and what is counted by day begins anew."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def seconds_to_midnight() -> int:
    """Whole seconds until then, at least 1."""
    return int((midnight() - datetime.now(UTC)).total_seconds()) + 1


def rfc3339(moment: datetime) -> str:
    """A moment as RFC 3339 in UTC, with milliseconds; sorts as text."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
