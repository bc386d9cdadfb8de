"""A tuned model as a training job leaves it, for tests of what comes after."""

from __future__ import annotations

from typing import Any

from kb.store.tuning import jobs, tuned_models
from kb.types import Scope, TunedModel, TuningJob

ADMIN = Scope.admin()
NAME = "ft:tiny:citewell:stories:1a2b3c4d"
SEPARATOR, STOP = "\n\n###\n\n", (" END",)
MOMENT = "2026-11-01T09:00:00.000Z"
GOOD = {"arms": {"base": {"correct": 0.6}, "tuned": {"correct": 0.8, "format": 1.0}}, "kept": 0.95}
"""A report that opens every gate."""
WORSE = {"arms": {"base": {"correct": 0.6}, "tuned": {"correct": 0.5}}}


def store(
    tx: Any, name: str = NAME, task: Any = "completion", folder: str | None = "job/model"
) -> None:
    """The model of a job that has succeeded."""
    job = TuningJob(
        name, "local", "tiny", task, "supervised", "f", None, None, 1, {}, "succeeded", MOMENT
    )
    jobs.add(tx, ADMIN, job)
    separator, stop = (SEPARATOR, STOP) if task == "completion" else ("", ())
    made = (name, job.id, "tiny", None, task, "0" * 64, "aaaa", separator, stop)
    tuned_models.add(tx, ADMIN, TunedModel(*made, folder, None, MOMENT))
