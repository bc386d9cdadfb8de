"""What a client of a crashing server may rely on: a ledger of acknowledgements, held against it.

Each writer owns its names, so at most one operation per writer is open when the server dies. That
one may have happened or not, but wholly: an upload of several files is all there, or none of it.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PARAGRAPHS = tuple(
    " ".join(f"shared{number}word{position}" for position in range(90)) for number in range(6)
)
"""Texts that many documents have in common: their vectors must outlive any one owner."""


class Violation(Exception):
    """The server broke a promise; the message says which."""


class Away(Exception):
    """The server said that a part of it is away: what was asked for may have happened or not."""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a document; its marker stands in no other version of any document."""

    name: str
    marker: str
    text: bytes

    @property
    def sha256(self) -> str:
        """What the server must name as the hash of its original."""
        return hashlib.sha256(self.text).hexdigest()


@dataclass(slots=True)
class Ledger:
    """What one writer was told. `open` is the operation that was not acknowledged, if any."""

    prefix: str
    held: dict[str, Version] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    open: dict[str, Version | None] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    gone: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    serial: int = 0

    def write(self, rng: random.Random, name: str) -> Version:
        """A new version of a document, of one to three chunks."""
        self.serial += 1
        marker = f"{self.prefix}mark{self.serial:06}"
        shared = "\n\n".join(rng.sample(PARAGRAPHS, rng.randint(0, 3)))
        text = f"# About {marker}\n\nThe word {marker} stands in {name} only.\n\n{shared}\n"
        return Version(name, marker, text.encode())

    def begin(self, change: Mapping[str, Version | None]) -> None:
        """An operation is sent: each name gets a version, or is deleted."""
        self.changed |= change.keys()
        self.open = dict(change)

    def acknowledge(self, ids: Mapping[str, str]) -> None:
        """The operation is confirmed; `ids` has the documents' ids by name."""
        for name, version in self.open.items():
            self._settle(name, version)
        self.ids.update(ids)
        self.open = {}

    def reconcile(self, found: Mapping[str, Mapping[str, Any]]) -> None:
        """Hold what the server has against what it said, and settle the open operation by it.

        Raises:
            Violation: a document is lost, resurrected, in a wrong version, or half an upload.
        """
        for name in self.held.keys() | self.open.keys() | found.keys():
            there = found[name]["sha256"] if name in found else None
            before = self.held[name].sha256 if name in self.held else None
            after = _hash(self.open[name]) if name in self.open else before
            if there not in (before, after):
                raise Violation(f"{name}: the server has {there}, acknowledged was {before}")
        happened = {
            (found[name]["sha256"] if name in found else None) == _hash(version)
            for name, version in self.open.items()
            if _hash(version) != (self.held[name].sha256 if name in self.held else None)
        }
        if len(happened) > 1:
            raise Violation(f"an unacknowledged operation is half done: {sorted(self.open)}")
        if happened == {True}:
            self.acknowledge({})
        self.open = {}
        self.ids = {name: item["id"] for name, item in found.items()}

    def forget_round(self) -> None:
        """Everything was checked: what follows is compared with this state."""
        self.changed, self.gone, self.replaced = set(), [], []

    def _settle(self, name: str, version: Version | None) -> None:
        before = self.held.pop(name, None)
        if version is None:
            self.ids.pop(name, None)
            if before is not None:
                self.gone.append(before.marker)
            return
        if before is not None and before.marker != version.marker:
            self.replaced.append(before.marker)
        self.held[name] = version


def listed_once(listed: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Name → document. Raises Violation when a name is there twice or a document is not ready."""
    every = list(listed)
    counts = Counter(item["name"] for item in every)
    if twice := [name for name, number in counts.items() if number > 1]:
        raise Violation(f"documents are there more than once: {sorted(twice)}")
    for item in every:
        if item["status"] != "ready":
            raise Violation(f"{item['name']} is {item['status']}: {item['error']}")
    return {item["name"]: item for item in every}


def split_by_owner(
    found: Mapping[str, Mapping[str, Any]], ledgers: Sequence[Ledger]
) -> Iterator[tuple[Ledger, dict[str, Mapping[str, Any]]]]:
    """Each ledger with the documents of its writer. Raises Violation for a document of nobody."""
    owners = {ledger.prefix: ledger for ledger in ledgers}
    if strangers := [name for name in found if name.partition("/")[0] not in owners]:
        raise Violation(f"nobody uploaded {sorted(strangers)}")
    for prefix, ledger in owners.items():
        yield ledger, {n: item for n, item in found.items() if n.startswith(f"{prefix}/")}


def _hash(version: Version | None) -> str | None:
    return None if version is None else version.sha256
