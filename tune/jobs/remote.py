"""Training at a service elsewhere that speaks OpenAI's API, or nearly: a table says who and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from kb.types import TuningJob
from tune.jobs.backends import Outcome, Work

Verb = Literal["cancel", "pause", "resume"]


@dataclass(frozen=True, slots=True)
class RemoteBackend:
    """One service."""

    settings: Any

    def run(self, work: Work) -> Outcome:
        """As `Backend.run` says."""
        raise NotImplementedError

    def tell(self, job: TuningJob, verb: Verb) -> None:
        """Pass on what is asked of a job."""
        raise NotImplementedError
