"""`kb ingest`: collect files, send them in small requests, show progress, name every failure."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from kb.cli.client import UPLOAD_BYTES, UPLOAD_FILES, Client
from kb.cli.following import Following
from kb.cli.unchanged import changed_files
from kb.errors import Rejected
from kb.iteration import batched

POLL_S = 0.3


@dataclass(slots=True)
class Outcome:
    """What became of the files of one command."""

    ready: int = 0
    unchanged: int = 0
    failed: list[dict[str, Any]] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)

    def summary(self, seconds: float) -> dict[str, Any]:
        """The outcome for scripts."""
        return {
            "ready": self.ready,
            "unchanged": self.unchanged,
            "failed": self.failed,
            "batches": self.batches,
            "seconds": round(seconds, 2),
        }


def files_under(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """(document name, path) of every file: names are relative to the folder that was given.

    Raises:
        Rejected: a path does not exist, there is no file at all, or two would get one name.
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
    return _named(found)


def ingest(client: Client, dataset: str, paths: Sequence[Path], *, quiet: bool) -> Outcome:
    """Upload files into a dataset and wait until each is ready or failed; archives are expanded."""
    found = files_under(paths)
    dataset_id = client.dataset(dataset)["id"]
    files = changed_files(client, dataset_id, found)
    outcome, following = Outcome(unchanged=len(found) - len(files)), Following(client)
    with _progress(quiet) as progress:
        task = progress.add_task("uploading", total=len(files), pace="")
        left = len(files)
        for request in _requests(files, outcome):
            accepted = client.upload(dataset_id, request)
            outcome.failed += accepted["rejected"]
            if accepted["batch_id"]:
                outcome.batches.append(accepted["batch_id"])
                taken = accepted["accepted"]
                size_bytes = sum(item["size_bytes"] for item in taken)
                following.add(accepted["batch_id"], len(taken), size_bytes)
            left -= len(request)
            _show(progress, task, following, left)
        progress.update(task, description="indexing")
        while not following.is_done:
            time.sleep(POLL_S)
            _show(progress, task, following, 0)
    outcome.ready = following.ready
    outcome.failed += following.failed
    return outcome


def _show(progress: Progress, task: Any, following: Following, left: int) -> None:
    following.look()
    total, done = following.total + left, following.done
    progress.update(task, total=total, completed=done, pace=_pace(following, left))


def _pace(following: Following, left: int) -> str:
    eta_s = following.eta_s(left)
    rate = f"{following.pace:.1f} documents/s" if following.pace else ""
    remaining = "" if eta_s is None else f"{timedelta(seconds=round(eta_s))} left"
    return ", ".join(filter(None, (rate, remaining)))


def _named(found: Sequence[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """With names that can be sent: a file system also takes bytes that are no text."""
    named: dict[str, Path] = {}
    for name, path in found:
        name = os.fsencode(name).decode("utf-8", "replace")
        other = named.setdefault(name, path)
        if other is not path:
            raise Rejected(
                f"{str(other)!r} and {str(path)!r} would both be the document {name!r}, and one "
                f"would replace the other. Give a folder that holds both, or two commands."
            )
    return list(named.items())


def _requests(
    files: Sequence[tuple[str, Path]], outcome: Outcome
) -> Iterator[list[tuple[str, Path]]]:
    for part in batched(files, UPLOAD_FILES):
        request: list[tuple[str, Path]] = []
        size = 0
        for name, path in part:
            try:
                length = _readable_bytes(path)
            except OSError as exc:
                reason = f"The file cannot be read: {exc.strerror}."
                refused = {"name": name, "code": "unreadable_file", "detail": reason}
                outcome.failed.append(refused)
                continue
            if request and size + length > UPLOAD_BYTES:
                yield request
                request, size = [], 0
            request.append((name, path))
            size += length
        if request:
            yield request


def _readable_bytes(path: Path) -> int:
    with path.open("rb") as file:
        return os.fstat(file.fileno()).st_size


def _is_wanted(item: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in item.relative_to(root).parts)
    return item.is_file() and not hidden


def _progress(quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        console=Console(stderr=True),
        disable=quiet,
    )
