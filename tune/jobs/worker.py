"""The loops that validate and train, beside the worker that indexes documents.

One job of this machine trains at a time. A claim is kept while its backend runs, and given back
when the server stops; after a crash the queue hands the job out again, and the trainer goes on from
its last checkpoint.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from kb.background import Loop
from kb.errors import KnowledgeBaseError, NotFound, StorageFull
from kb.files.originals import full_disk_reported
from kb.ids import now
from kb.knowledge_base import KnowledgeBase
from kb.store.engine.database import Transaction
from kb.store.tuning import jobs, tuned_models
from kb.store.tuning.jobs import NewEvent
from kb.store.work import jobs as queue
from kb.store.work.jobs import Job as Claim
from kb.types import Failure, Scope, TuningJob
from tune.jobs import preparing, results
from tune.jobs.backends import TrainingFailed, Unwanted, Work
from tune.jobs.choosing import backend_named
from tune.jobs.service import CHECK, enqueue
from tune.jobs.trainer_process import MODULE
from tune.jobs.validating import validate

logger = logging.getLogger(__name__)

IDLE_S = 30.0
HEARTBEAT_S = 20.0
FULL_DISK_PAUSE_S = 10.0
MOST_ATTEMPTS = 10
ELSEWHERE_AT_ONCE = 4
INTERNAL = Failure("internal_error", "Something went wrong in the server; its log says what.")


class TuningWorker:
    """Start it once per open knowledge base."""

    def __init__(self, kb: KnowledgeBase, module: str = MODULE) -> None:
        """
        Args:
            module: what runs as the trainer, for tests.
        """
        self._kb = kb
        self._module = module
        wakeups = kb.database.wakeups
        # Without a service one is left, which tells of jobs whose service is configured no more.
        elsewhere = ELSEWHERE_AT_ONCE if kb.settings.tuning.backends else 1
        self._loops = (
            Loop(CHECK, self._check, wakeups, duty=kb.database.duty),
            Loop("tune", partial(self._train, "tune"), wakeups),
            *(
                Loop("tune_elsewhere", partial(self._train, "tune_elsewhere"), wakeups)
                for _ in range(elsewhere)
            ),
        )

    def start(self) -> None:
        """Begin to work."""
        for loop in self._loops:
            loop.start()

    def stop(self) -> None:
        """Let trainers save where they are, give the jobs back to the queue, end the threads."""
        for loop in self._loops:
            loop.stop()

    def _check(self) -> float:
        """Validate the oldest job that waits for it."""
        job = self._kb.database.reading(jobs.oldest, "validating_files")
        if job is None:
            return IDLE_S
        try:
            with full_disk_reported():
                resolved, events = validate(self._kb, job)
        except StorageFull:
            return FULL_DISK_PAUSE_S
        except (TrainingFailed, KnowledgeBaseError) as exc:
            self._fail(job, _failure(exc))
            return 0.0
        except Exception as exc:  # the edge of a job
            logger.exception("the files of the job %s could not be validated", job.id)
            self._fail(job, _failure(exc))
            return 0.0
        with self._kb.database.write() as tx:
            if jobs.move(tx, job.id, "queued", {"validating_files"}, hyperparameters=resolved):
                jobs.append(tx, job.id, [*events, NewEvent("Files validated, the job is queued.")])
                enqueue(tx, job)
        return 0.0

    def _train(self, kind: queue.JobKind) -> float:
        if not self._kb.database.reading(queue.is_waiting, kind):
            return IDLE_S
        for claim in self._kb.database.writing(_claimed, self._kb.owner.id, kind):
            try:
                self._run(claim)
            except Unwanted:
                self._kb.database.writing(queue.release, [claim])  # nothing if it was dropped
                self._sweep(claim.subject)
            except StorageFull:
                delayed = {"delay_s": FULL_DISK_PAUSE_S}
                self._kb.database.writing(queue.release, [claim], **delayed)
        return 0.0

    def _sweep(self, job_id: str) -> None:
        """A trainer that saves where it is may make the folder of a deleted job anew."""
        if self._kb.database.reading(jobs.find, job_id) is None:
            shutil.rmtree(preparing.job_folder(self._kb, job_id), ignore_errors=True)

    def _run(self, claim: Claim) -> None:
        database = self._kb.database
        try:
            job = database.reading(jobs.get, Scope.admin(), claim.subject)
        except NotFound:  # it was deleted
            database.writing(queue.finish, [claim])
            return
        try:
            if claim.attempts >= MOST_ATTEMPTS:
                times = f"The server ended {claim.attempts} times while this job was trained."
                raise TrainingFailed("crashed_repeatedly", f"{times} Look into its log.")
            if not database.writing(_begun, claim, job):
                return
            backend = backend_named(self._kb, job.backend, self._module)
            with full_disk_reported():
                preparing.bring(self._kb, job)
                if job.backend == preparing.LOCAL:
                    preparing.write_spec(self._kb, job)
                outcome = backend.run(self._work(claim, job))
            results.finish(self._kb, claim, job, outcome)
        except (Unwanted, StorageFull):
            raise
        except Exception as exc:  # the edge of a job
            if not isinstance(exc, (TrainingFailed, KnowledgeBaseError)):
                logger.exception("the training job %s failed", job.id)
            self._fail(job, _failure(exc), claim)

    def _work(self, claim: Claim, job: TuningJob) -> Work:
        folder, database = preparing.job_folder(self._kb, job.id), self._kb.database
        valid, extended = folder / preparing.VALID, time.monotonic()

        def tell(events: Sequence[NewEvent], memory: Mapping[str, Any]) -> None:
            with database.write() as tx:
                if jobs.find(tx, job.id) is None:
                    raise Unwanted
                jobs.append(tx, job.id, events)
                queue.save(tx, claim, {**claim.payload, **memory})
                if "remote_id" in memory:
                    jobs.change(tx, job.id, remote_id=memory["remote_id"])

        def is_wanted() -> bool:
            nonlocal extended
            if time.monotonic() > extended + HEARTBEAT_S:
                database.writing(queue.extend, [claim])
                extended = time.monotonic()
            is_stopping = any(loop.is_stopping for loop in self._loops)
            return not is_stopping and database.reading(queue.is_held, claim)

        files = (folder / preparing.TRAIN, valid if valid.exists() else None)
        model = database.reading(_name_elsewhere, job)
        return Work(job, model, folder, *files, claim.payload, tell, is_wanted)

    def _fail(self, job: TuningJob, failure: Failure, claim: Claim | None = None) -> None:
        with self._kb.database.write() as tx:
            if claim is not None and not queue.is_held(tx, claim):
                return
            said = results.verdict(results.curve(tx, job.id))
            if jobs.move(tx, job.id, "failed", error=failure, diagnosis=said):
                data = {"code": failure.code}
                jobs.append(tx, job.id, [NewEvent(failure.detail, data, "error")])
            queue.drop(tx, job.id)


def _claimed(tx: Transaction, owner: str, kind: queue.JobKind) -> list[Claim]:
    claims = queue.claim(tx, owner, kind)
    queue.begin(tx, claims)
    return claims


def _begun(tx: Transaction, claim: Claim, job: TuningJob) -> bool:
    """Note that a job runs; False if it was paused, cancelled or deleted in between."""
    if not queue.is_held(tx, claim):
        return False
    words = "resumed" if job.started_at else "started"
    jobs.append(tx, job.id, [NewEvent(f"Fine-tuning job {words}.")])
    return jobs.move(tx, job.id, "running", started_at=job.started_at or now())


def _name_elsewhere(tx: Transaction, job: TuningJob) -> str:
    """What a service calls the model that a job begins with."""
    tuned = tuned_models.find(tx, Scope.admin(), job.model)
    if tuned is None:
        return job.model
    is_new_run = job.hyperparameters.get("continue_by") == "union"
    return tuned.base if is_new_run else tuned.remote_model or tuned.base


def _failure(exc: Exception) -> Failure:
    if isinstance(exc, TrainingFailed):
        return exc.failure
    return Failure(exc.code, exc.detail) if isinstance(exc, KnowledgeBaseError) else INTERNAL
