"""How far the uploads of one command have come, asked for sparingly, and the bar that shows it.

Only batches that are not done are looked at, and only a few of them: they are worked on in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from client.http import Client

LOOKED_AT = 4


class Following:
    """The batches of one command."""

    def __init__(self, client: Client) -> None:
        self.failed: list[dict[str, Any]] = []
        """The documents that failed, of the batches that are done."""
        self._client = client
        self._open: list[str] = []
        self._states: dict[str, dict[str, Any]] = {}
        self._sizes: dict[str, tuple[int, int]] = {}

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
        """Documents per second, as the server counts them."""
        return self._rate("documents_per_s")

    def eta_s(self, unsent: int) -> float | None:
        """Seconds left at the server's present pace, in bytes; None while nothing moves.

        Args:
            unsent: documents still to be sent, which are taken to be as large as the others.
        """
        pace = self._rate("bytes_per_s")
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

    def _rate(self, name: str) -> float:
        return sum(float(self._states[batch_id].get(name) or 0) for batch_id in self._open)

    def _failures(self, batch_id: str) -> list[dict[str, Any]]:
        path = f"/v1/batches/{batch_id}"
        return [
            {"document_id": item["document_id"], "name": item["name"], **(item["error"] or {})}
            for item in self._client.every(path, part="documents", status="failed")
        ]


@contextmanager
def bar(following: Following, *, files: int, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Show on standard error how far the followed batches are.

    Call what it gives with the number of files that are yet to be sent: it looks at the batches.
    """
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        console=Console(stderr=True),
        disable=quiet,
    )
    task = progress.add_task("uploading", total=files, pace="")

    def show(left: int) -> None:
        following.look()
        progress.update(
            task,
            description="uploading" if left else "indexing",
            total=following.total + left,
            completed=following.done,
            pace=_pace(following, left),
        )

    with progress:
        yield show


def _pace(following: Following, left: int) -> str:
    eta_s = following.eta_s(left)
    rate = f"{following.pace:.1f} documents/s" if following.pace else ""
    remaining = "" if eta_s is None else f"{timedelta(seconds=round(eta_s))} left"
    return ", ".join(filter(None, (rate, remaining)))
