"""Keeps the indexes of the busiest datasets open and closes the least recently used.

An open index costs threads and file descriptors, so only a few may stay. A handle is only valid
inside `lease`: it is never closed there, and never opened twice at once, because two handles on
one Chroma or tantivy folder give stale answers without an error.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from kb.protocols import IndexKey

Handle = TypeVar("Handle")


class Absent(Exception):
    """There is no index on disk, and the caller did not ask to make one."""


@dataclass(slots=True)
class _Slot(Generic[Handle]):
    handle: Handle | None = None
    leases: int = 0
    closing: bool = False
    opening: threading.Lock = field(default_factory=threading.Lock)


class OpenIndexes(Generic[Handle]):
    """Handles by index key. Thread-safe; opening one index does not hold up the others."""

    def __init__(self, close: Callable[[IndexKey, Handle], None], *, limit: int) -> None:
        """Keep up to `limit` handles; more only while all of them are in use."""
        self._close_handle = close
        self._limit = limit
        self._slots: OrderedDict[IndexKey, _Slot[Handle]] = OrderedDict()
        self._changed = threading.Condition()

    @contextmanager
    def lease(self, key: IndexKey, open_index: Callable[[IndexKey], Handle]) -> Iterator[Handle]:
        """Lend the handle of a key, opening it if need be. What `open_index` raises passes through.

        The holder must not drop or close the same key: it would wait for itself.
        """
        slot = self._take(key)
        try:
            with slot.opening:
                if slot.handle is None:
                    slot.handle = open_index(key)
            yield slot.handle
        finally:
            self._give_back(key, slot)

    @contextmanager
    def closed(self, key: IndexKey) -> Iterator[None]:
        """Close one index once nobody uses it, and keep it closed inside the `with` block."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_idle(key))
            slot = self._slots.setdefault(key, _Slot())
            slot.closing = True
        try:
            self._shut(key, slot)
            yield
        finally:
            self._forget(key)

    def close(self) -> None:
        """Close every index, waiting for those in use."""
        with self._changed:
            keys = list(self._slots)
        for key in keys:
            with self.closed(key):
                pass

    def _take(self, key: IndexKey) -> _Slot[Handle]:
        with self._changed:
            self._changed.wait_for(lambda: not self._is_closing(key))
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            slot.leases += 1
            return slot

    def _give_back(self, key: IndexKey, slot: _Slot[Handle]) -> None:
        with self._changed:
            slot.leases -= 1
            if not slot.leases and slot.handle is None:
                del self._slots[key]
            victims = self._victims()
            self._changed.notify_all()
        for victim_key, victim in victims:
            try:
                self._shut(victim_key, victim)
            finally:
                self._forget(victim_key)

    def _victims(self) -> list[tuple[IndexKey, _Slot[Handle]]]:
        surplus = max(0, len(self._slots) - self._limit)
        idle = [(k, s) for k, s in self._slots.items() if not s.leases and not s.closing]
        victims = idle[:surplus]
        for _, slot in victims:
            slot.closing = True
        return victims

    def _shut(self, key: IndexKey, slot: _Slot[Handle]) -> None:
        if slot.handle is not None:
            self._close_handle(key, slot.handle)

    def _forget(self, key: IndexKey) -> None:
        with self._changed:
            del self._slots[key]
            self._changed.notify_all()

    def _is_closing(self, key: IndexKey) -> bool:
        slot = self._slots.get(key)
        return slot is not None and slot.closing

    def _is_idle(self, key: IndexKey) -> bool:
        slot = self._slots.get(key)
        return slot is None or (not slot.leases and not slot.closing)
