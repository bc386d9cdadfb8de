"""The bar of `kb ingest`: documents, pace and time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from cli.following import Following


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
