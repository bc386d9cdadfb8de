"""`kb ingest`: collect files, send them in small requests, show progress, name every failure."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from kb.batches import batched
from kb.cli.client import UPLOAD_BYTES, UPLOAD_FILES, Client
from kb.errors import Rejected

POLL_S = 0.3


@dataclass(slots=True)
class Outcome:
    """What became of the files of one command."""

    ready: int = 0
    failed: list[dict[str, Any]] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)

    def summary(self, seconds: float) -> dict[str, Any]:
        """The outcome for scripts."""
        return {
            "ready": self.ready,
            "failed": self.failed,
            "batches": self.batches,
            "seconds": round(seconds, 2),
        }


def files_under(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """(document name, path) of every file: names are relative to the folder that was given.

    Raises:
        Rejected: a path does not exist, or there is no file at all.
    """
    found: list[tuple[str, Path]] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(path.rglob("*"))
            found += [
                (item.relative_to(path).as_posix(), item)
                for item in inside
                if _is_wanted(item, path)
            ]
        elif path.is_file():
            found.append((path.name, path))
        else:
            raise Rejected(f"There is no file or folder {str(path)!r}.")
    if not found:
        raise Rejected("There are no files in what was given.")
    return found


def ingest(client: Client, dataset: str, paths: Sequence[Path], *, quiet: bool) -> Outcome:
    """Upload files into a dataset and wait until each is ready or failed."""
    files = files_under(paths)
    dataset_id = client.dataset(dataset)["id"]
    outcome = Outcome()
    with _progress(quiet) as progress:
        task = progress.add_task("uploading", total=len(files))
        for request in _requests(files):
            accepted = client.upload(dataset_id, request)
            outcome.failed += accepted["rejected"]
            if accepted["batch_id"]:
                outcome.batches.append(accepted["batch_id"])
            progress.update(task, completed=_follow(client, outcome, progress, task, wait=False))
        progress.update(task, description="indexing")
        _follow(client, outcome, progress, task, wait=True)
    return outcome


def _follow(client: Client, outcome: Outcome, progress: Progress, task: Any, *, wait: bool) -> int:
    """Look how far the batches are; with `wait` until all is done."""
    refused = [item for item in outcome.failed if "document_id" not in item]
    while True:
        states = [client.get(f"/v1/batches/{batch}") for batch in outcome.batches]
        outcome.ready = sum(state["ready"] for state in states)
        outcome.failed = refused + [
            {"document_id": item["document_id"], "name": item["name"], **(item["error"] or {})}
            for state in states
            for item in state["documents"]
            if item["status"] == "failed"
        ]
        done = outcome.ready + len(outcome.failed)
        progress.update(task, completed=done)
        if not wait or all(state["status"] == "completed" for state in states):
            return done
        time.sleep(POLL_S)


def _requests(files: Sequence[tuple[str, Path]]) -> Iterator[list[tuple[str, Path]]]:
    for part in batched(files, UPLOAD_FILES):
        request: list[tuple[str, Path]] = []
        size = 0
        for name, path in part:
            length = path.stat().st_size
            if request and size + length > UPLOAD_BYTES:
                yield request
                request, size = [], 0
            request.append((name, path))
            size += length
        yield request


def _is_wanted(item: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in item.relative_to(root).parts)
    return item.is_file() and not hidden


def _progress(quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=quiet,
    )
