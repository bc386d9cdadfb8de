"""The end of a job: the model is registered, its curve kept as a file and told in words."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from kb.errors import NotFound
from kb.ids import now
from kb.knowledge_base import KnowledgeBase
from kb.store.engine.database import Transaction
from kb.store.tuning import jobs, tuned_models
from kb.store.tuning.jobs import NewEvent
from kb.store.work import files
from kb.store.work import jobs as queue
from kb.store.work.jobs import Job as Claim
from kb.stored_files.keeping import keep
from kb.types import Scope, StoredFile, TunedModel, TuningJob
from tune.diagnosis.curve import diagnose
from tune.jobs.backends import Outcome, Unwanted
from tune.jobs.service import model_name

PURPOSE = "fine-tune-results"
COLUMNS = {
    "step": "step",
    "elapsed_tokens": "num_tokens",
    "train_loss": "train_loss",
    "train_accuracy": "train_mean_token_accuracy",
    "valid_loss": "valid_loss",
    "valid_mean_token_accuracy": "valid_mean_token_accuracy",
}
"""As OpenAI's result file has them → as `metrics` events do."""


def finish(kb: KnowledgeBase, claim: Claim, job: TuningJob, outcome: Outcome) -> None:
    """Store what came of a job, in one transaction with its end.

    Raises:
        Unwanted: it was paused, cancelled or deleted in this moment.
    """
    points = kb.database.reading(curve, job.id)
    said = verdict(points)
    kept = _kept(kb, points)
    try:
        with kb.database.write() as tx:
            if not queue.is_held(tx, claim):
                raise Unwanted
            name = _registered(tx, job, outcome)
            jobs.move(
                tx,
                job.id,
                "succeeded",
                trained_tokens=outcome.trained_tokens,
                fine_tuned_model=name,
                result_files=tuple(file.id for file in kept),
                diagnosis=said,
            )
            made = [NewEvent(f"New fine-tuned model created: {name}")] if name else []
            measured = [NewEvent("Measured.", outcome.metrics)] if outcome.metrics else []
            done = NewEvent("The job has successfully completed.")
            jobs.append(tx, job.id, [*_in_words(said), *measured, *made, done])
            queue.finish(tx, [claim])
    except BaseException:
        for file in kept:
            kb.database.writing(files.remove, file.id)
        kb.collect_originals([file.sha256 for file in kept])
        raise


def curve(tx: Transaction, job_id: str) -> list[dict[str, Any]]:
    """The points of a job's curve, one a step: what a restart has trained again counts once."""
    points: dict[int, dict[str, Any]] = {}
    for event in jobs.all_events(tx, job_id, "metrics"):
        step = int(event.data.get("step") or 0)
        points[step] = points.get(step, {}) | {**event.data, "step": step}
    return [points[step] for step in sorted(points)]


def verdict(points: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What a curve says, as it is stored; None without a point."""
    return asdict(diagnose(points)) if points else None


def result_csv(points: Sequence[Mapping[str, Any]]) -> bytes:
    """A curve as OpenAI's result file."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    table.writerows([point.get(name) for name in COLUMNS.values()] for point in points)
    return out.getvalue().encode()


def _kept(kb: KnowledgeBase, points: Sequence[Mapping[str, Any]]) -> list[StoredFile]:
    if not points:
        return []
    return [keep(kb, Scope.admin(), "step_metrics.csv", result_csv(points), PURPOSE)]


def _registered(tx: Transaction, job: TuningJob, outcome: Outcome) -> str | None:
    if outcome.folder is None and outcome.remote_model is None:
        return None
    scope = Scope.admin()
    parent = tuned_models.find(tx, scope, job.model)
    base = parent.base if parent else job.model
    name, sha256 = model_name(job, base), ""
    with suppress(NotFound):  # deleted meanwhile
        sha256 = files.get(tx, scope, job.training_file).sha256
    model = TunedModel(
        name=name,
        job_id=job.id,
        base=base,
        parent=parent.name if parent else None,
        task=job.task,
        training_sha256=sha256,
        template_hash=outcome.template_hash,
        separator=outcome.separator,
        stop=outcome.stop,
        folder=f"{job.id}/{outcome.folder.name}" if outcome.folder else None,
        remote_model=outcome.remote_model,
        created_at=now(),
    )
    tuned_models.add(tx, scope, model)
    return name


def _in_words(said: Mapping[str, Any] | None) -> list[NewEvent]:
    """The findings as events; the first leads."""
    return [
        NewEvent(
            f"{each['verdict'].replace('_', ' ').capitalize()}: {each['reason']} {each['advice']}",
            {name: each[name] for name in ("verdict", "steps", "rows")},
            "info" if each["severity"] == "ok" else "warn",
        )
        for each in (said["findings"] if said else ())
    ]
