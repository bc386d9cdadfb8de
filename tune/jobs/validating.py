"""A job's files before it waits for its turn: what blocks, what warns, which parameters fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kb.knowledge_base import KnowledgeBase
from kb.store.tuning.jobs import NewEvent
from kb.types import TuningJob
from tune.jobs import preparing


def validate(kb: KnowledgeBase, job: TuningJob) -> tuple[Mapping[str, Any], list[NewEvent]]:
    """Read and check the rows, and put them into the job's folder.

    Returns:
        The hyperparameters as they will be used, and what is to be told.

    Raises:
        TrainingFailed: a file is gone, or holds what cannot be trained on.
    """
    rows, events = preparing.gather(kb, job)
    preparing.write(kb, job, rows)
    asked = {name: value for name, value in job.hyperparameters.items() if value != "auto"}
    how = {"continue_by": "union"} if rows.is_new_run else {}
    return {**asked, **how}, events
