"""How far the uploads of one command have come, asked for sparingly.

Only batches that are not done are looked at, and only a few of them: they are worked on in order.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from client.http import Client

LOOKED_AT = 4
PACE_S = 10.0


class Following:
    """The batches of one command."""

    def __init__(self, client: Client) -> None:
        self.failed: list[dict[str, Any]] = []
        """The documents that failed, of the batches that are done."""
        self._client = client
        self._open: list[str] = []
        self._states: dict[str, dict[str, Any]] = {}
        self._sizes: dict[str, tuple[int, int]] = {}
        self._seen: deque[tuple[float, int]] = deque()

    def add(self, batch_id: str, documents: int, size_bytes: int) -> None:
        """A batch was accepted."""
        self._open.append(batch_id)
        self._states[batch_id] = {"total": documents, "ready": 0, "failed": 0}
        self._sizes[batch_id] = (documents, size_bytes)

    def look(self) -> None:
        """Bring the numbers up to date."""
        for batch_id in self._open[:LOOKED_AT]:
            state = self._client.get(f"/v1/batches/{batch_id}", limit=0)
            self._states[batch_id] = state
            if state["status"] == "completed":
                self._open.remove(batch_id)
                if state["failed"]:
                    self.failed += self._failures(batch_id)
        now = time.monotonic()
        self._seen.append((now, self.done))
        while self._seen[0][0] < now - PACE_S:
            self._seen.popleft()

    @property
    def is_done(self) -> bool:
        """Whether every batch is completed."""
        return not self._open

    @property
    def total(self) -> int:
        """Documents so far; an archive counts as one until it is expanded."""
        return self._sum("total")

    @property
    def ready(self) -> int:
        """Documents that are searchable."""
        return self._sum("ready")

    @property
    def done(self) -> int:
        """Documents that are ready or have failed."""
        return self._sum("ready") + self._sum("failed")

    @property
    def pace(self) -> float:
        """Documents per second over the last seconds."""
        if len(self._seen) < 2:
            return 0.0
        (began, before), (now, done) = self._seen[0], self._seen[-1]
        return (done - before) / max(now - began, 0.001)

    def eta_s(self, unsent: int) -> float | None:
        """Seconds left at the server's present pace, in bytes; None while nothing moves.

        Args:
            unsent: documents still to be sent, which are taken to be as large as the others.
        """
        pace = sum(float(self._states[key].get("bytes_per_s") or 0) for key in self._open)
        if not pace:
            return None
        documents = sum(number for number, _ in self._sizes.values())
        size_bytes = sum(size for _, size in self._sizes.values())
        left = sum(self._bytes_left(batch_id) for batch_id in self._open)
        return (left + unsent * size_bytes / max(1, documents)) / pace

    def _bytes_left(self, batch_id: str) -> float:
        state = self._states[batch_id]
        if state.get("eta_s") is not None:
            return float(state["eta_s"]) * float(state["bytes_per_s"])
        done = (state["ready"] + state["failed"]) / max(1, state["total"])
        return self._sizes[batch_id][1] * (1.0 - float(done))

    def _sum(self, name: str) -> int:
        return sum(state[name] for state in self._states.values())

    def _failures(self, batch_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        query: dict[str, Any] = {"status": "failed"}
        while True:
            part = self._client.get(f"/v1/batches/{batch_id}", **query)
            found += [
                {"document_id": item["document_id"], "name": item["name"], **(item["error"] or {})}
                for item in part["documents"]
            ]
            if part["next"] is None:
                return found
            query["cursor"] = part["next"]
