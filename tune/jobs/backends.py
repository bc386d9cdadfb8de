"""Who trains: this machine, a service elsewhere, or nobody (only files are written)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from kb.store.tuning.jobs import NewEvent
from kb.types import Failure, TuningJob

Tell = Callable[[Sequence[NewEvent], Mapping[str, Any]], None]
"""Stores events, and with them in one transaction what the backend needs to go on after a crash."""


class TrainingFailed(Exception):
    """The job cannot go on; `failure` says why and what to do. It stands in the job's `error`."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.failure = Failure(code, detail)


class Unwanted(Exception):
    """The job was paused, cancelled or deleted, or the server is to stop."""


@dataclass(frozen=True, slots=True)
class Work:
    """A job that is to be trained, in its folder.

    `model` is what its service calls the model. `memory` is what was stored with the last events.
    `is_wanted` turns false when the job is paused, cancelled or deleted, or the server stops.
    """

    job: TuningJob
    model: str
    folder: Path
    train: Path
    valid: Path | None
    memory: Mapping[str, Any]
    tell: Tell
    is_wanted: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. Without a `folder` and a `remote_model` there is no model, only files."""

    folder: Path | None = None
    remote_model: str | None = None
    trained_tokens: int | None = None
    template_hash: str = ""
    separator: str = ""
    stop: tuple[str, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)


class Backend(Protocol):
    """One way to train."""

    def run(self, work: Work) -> Outcome:
        """Train to the end, or go on where a run before was interrupted.

        Raises:
            TrainingFailed: it cannot be done.
            Unwanted: meanwhile `work.is_wanted` has become false; what was done is kept.
        """
        ...
