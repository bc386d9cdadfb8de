"""What is asked of training jobs: make, pause, resume, cancel, delete.

A change of status is one transaction with the queue; the worker sees that its claim is gone and
ends the trainer. A service elsewhere is told first of a job that is cancelled.
"""

from __future__ import annotations

import re
import secrets
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from kb.errors import Conflict, NotFound, Rejected
from kb.ids import new_id, now
from kb.knowledge_base import KnowledgeBase
from kb.store.engine.database import Transaction, notify_after
from kb.store.tuning import jobs, tuned_models
from kb.store.tuning.jobs import WAITING, NewEvent
from kb.store.work import files
from kb.store.work import jobs as queue
from kb.types import Scope, TuningJob, TuningMethod, TuningStatus, TuningTask
from tune.jobs.backends import TrainingFailed
from tune.jobs.choosing import backend_named, backend_names
from tune.jobs.preparing import FILES, LOCAL, base_names, job_folder
from tune.jobs.remote import RemoteBackend

PURPOSE = "fine-tune"
CHECK = "tune check"
"""The notice that a job waits to be validated."""
_SUFFIX = re.compile(r"[\w.-]{1,64}", re.ASCII)
_MOST_SEED = 2**31
MOST_NAME = 100
"""Characters of a model's name, as models are registered."""


@dataclass(frozen=True, slots=True)
class NewJob:
    """What is asked for. `model` is a base, or a tuned model that is to be continued."""

    model: str
    training_file: str
    validation_file: str | None = None
    suffix: str | None = None
    seed: int | None = None
    task: TuningTask = "chat"
    method: TuningMethod = "supervised"
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    backend: str = LOCAL
    metadata: Mapping[str, Any] = field(default_factory=dict)


def create(kb: KnowledgeBase, scope: Scope, wanted: NewJob) -> TuningJob:
    """Make a job; its files are validated next, and then it waits for its turn.

    Raises:
        NotFound: a file cannot be seen.
        Rejected: a file has another purpose, or the model, backend or suffix is not one.
    """
    if wanted.backend not in backend_names(kb):
        known = ", ".join(backend_names(kb))
        raise Rejected(f"`backend`: {wanted.backend!r} is not configured; there are {known}.")
    if wanted.suffix is not None and not _SUFFIX.fullmatch(wanted.suffix):
        raise Rejected("`suffix`: it may have up to 64 letters, digits, `-`, `_` and `.`.")
    base = kb.database.reading(_base_name, scope, wanted.model)
    seed = secrets.randbelow(_MOST_SEED) if wanted.seed is None else wanted.seed
    job = TuningJob(
        **{**asdict(wanted), "seed": seed},
        id=new_id("ftjob"),
        status="validating_files",
        created_at=now(),
        key_id=scope.key_id,
    )
    if len(name := model_name(job, base)) > MOST_NAME:
        raise Rejected(f"`suffix`: {name!r} is longer than {MOST_NAME} characters. Shorten it.")
    with kb.database.write() as tx:
        for name in ("training_file", "validation_file"):
            if (file_id := getattr(wanted, name)) is not None:
                _check_purpose(tx, scope, name, file_id)
        _check_model(kb, tx, scope, wanted)
        jobs.add(tx, scope, job)
        jobs.append(tx, job.id, [NewEvent(f"Created fine-tuning job: {job.id}")])
        notify_after(tx, CHECK)
    return job


def cancel(kb: KnowledgeBase, scope: Scope, job_id: str) -> TuningJob:
    """End a job without a model; its checkpoints stay. Raises NotFound or Conflict."""
    return _moved(kb, scope, job_id, "cancelled", WAITING | {"paused"}, "cancel")


def pause(kb: KnowledgeBase, scope: Scope, job_id: str) -> TuningJob:
    """Save where a job is and end its trainer. Raises NotFound or Conflict."""
    return _moved(kb, scope, job_id, "paused", WAITING, "pause")


def resume(kb: KnowledgeBase, scope: Scope, job_id: str) -> TuningJob:
    """Let a paused job go on where it was. Raises NotFound or Conflict."""
    has_begun = kb.database.reading(jobs.get, scope, job_id).started_at is not None
    status: TuningStatus = "queued" if has_begun else "validating_files"
    return _moved(kb, scope, job_id, status, {"paused"}, "resume")


def delete(kb: KnowledgeBase, scope: Scope, job_id: str) -> None:
    """Delete a job that has ended, with its model, checkpoints, events and results.

    Raises:
        NotFound: there is none.
        Conflict: it has not ended, or a later model continues its model.
    """
    with kb.database.write() as tx:
        job = jobs.get(tx, scope, job_id)
        jobs.remove(tx, scope, job_id)
        hashes = list(_removed(tx, scope, job.result_files))
    kb.collect_originals(hashes)
    shutil.rmtree(job_folder(kb, job_id), ignore_errors=True)


def enqueue(tx: Transaction, job: TuningJob) -> None:
    """Let a job wait for its turn: those of this machine for one another, others not."""
    kind: queue.JobKind = "tune" if job.backend in (LOCAL, FILES) else "tune_elsewhere"
    queue.add(tx, kind, {job.id: {"key": job.key_id or ""}}, "")


def model_name(job: TuningJob, base: str) -> str:
    """What the model of a job is called."""
    plain = base.replace("/", "-")  # of services; trainers call the model the same
    return f"ft:{plain}:citewell:{job.suffix or ''}:{job.id[-8:]}"


def _moved(
    kb: KnowledgeBase,
    scope: Scope,
    job_id: str,
    status: TuningStatus,
    of: Collection[TuningStatus],
    verb: str,
) -> TuningJob:
    job = kb.database.reading(jobs.get, scope, job_id)
    if job.status not in of:
        raise Conflict(
            f"The job is {job.status}; {verb} takes one that is {' or '.join(sorted(of))}."
        )
    if job.backend not in (LOCAL, FILES):
        if verb != "cancel":
            raise Conflict(f"A service trains this job, and cannot {verb} it. Cancel it instead.")
        _cancel_there(kb, job)
    with kb.database.write() as tx:
        if jobs.move(tx, job_id, status, of):
            jobs.append(tx, job_id, [NewEvent(f"The job is {status.replace('_', ' ')}.")])
            queue.drop(tx, job_id)
            if status == "queued":
                enqueue(tx, job)
            notify_after(tx, CHECK)
        return jobs.get(tx, scope, job_id)


def _cancel_there(kb: KnowledgeBase, job: TuningJob) -> None:
    """Tell the service of a job; one that is configured no more cannot be told."""
    with suppress(TrainingFailed):
        backend = backend_named(kb, job.backend)
        if isinstance(backend, RemoteBackend):
            backend.cancel(job)


def _removed(tx: Transaction, scope: Scope, file_ids: Collection[str]) -> Iterator[str]:
    """Forget result files, but for those that somebody has deleted; gives their hashes."""
    for file_id in file_ids:
        with suppress(NotFound):
            yield files.get(tx, scope, file_id).sha256
            files.remove(tx, file_id)


def _base_name(tx: Transaction, scope: Scope, model: str) -> str:
    tuned = tuned_models.find(tx, scope, model)
    return tuned.base if tuned else model


def _check_purpose(tx: Transaction, scope: Scope, name: str, file_id: str) -> None:
    purpose = files.get(tx, scope, file_id).purpose
    if purpose != PURPOSE:
        raise Rejected(
            f"`{name}`: the file {file_id} has the purpose {purpose!r}. Upload it with {PURPOSE!r}."
        )


def _check_model(kb: KnowledgeBase, tx: Transaction, scope: Scope, wanted: NewJob) -> None:
    tuned = tuned_models.find(tx, scope, wanted.model)
    is_here = tuned is not None and tuned.folder is not None
    if wanted.backend not in (LOCAL, FILES):
        if is_here:
            raise Rejected(f"`model`: {wanted.model!r} was made here; {wanted.backend} has it not.")
    elif wanted.backend == LOCAL and not is_here and wanted.model not in base_names(kb):
        known = ", ".join(base_names(kb)) or "none; put folders into KB_TUNING__MODELS"
        raise Rejected(
            f"`model`: {wanted.model!r} is no base model and no tuned model of this machine. "
            f"Base models: {known}."
        )
