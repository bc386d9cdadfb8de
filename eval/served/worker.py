"""The loop that asks the questions of runs, one after the other, so that nobody waits behind them.

What became of a question is stored at once: after a stop or a crash a run goes on with the next
one. A run that is cancelled or deleted loses its claim, and with it what is being asked.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

from eval.question_sets.own import question_of
from eval.run.measuring import measured
from eval.served.outcomes import outcome_of
from eval.served.runs import finish
from eval.served.targets import Interrupted, ServedTarget, Wait
from kb.background import Loop
from kb.chat.run.run import Run
from kb.errors import KnowledgeBaseError, StorageFull
from kb.knowledge_base import KnowledgeBase
from kb.store.engine.database import Transaction
from kb.store.evaluation import runs
from kb.store.work import jobs as queue
from kb.types import EvaluationOutcome, EvaluationRun, Failure

logger = logging.getLogger(__name__)

IDLE_S = 30.0
HEARTBEAT_S = 20.0
BUSY_S = 2.0
"""Before a question is asked again that the server had no room for."""
MOST_ATTEMPTS = 10
CRASHED = Failure(
    "crashed_repeatedly", f"The server ended {MOST_ATTEMPTS} times during this run. See its log."
)
INTERNAL = Failure("internal_error", "Something went wrong in the server; its log says what.")


class EvaluationWorker:
    """Start it once per open knowledge base, from the event loop that answers."""

    def __init__(self, kb: KnowledgeBase) -> None:
        self._kb = kb
        self._answering = asyncio.get_running_loop()
        self._loop = Loop(runs.KIND, self._round, kb.database.wakeups)

    def start(self) -> None:
        """Begin to work."""
        self._loop.start()

    def stop(self) -> None:
        """Let go of the question in hand; the run goes on when the server is back."""
        self._loop.stop()

    def _round(self) -> float:
        database = self._kb.database
        if not database.reading(queue.is_waiting, runs.KIND):
            return IDLE_S
        for claim in database.writing(_claimed, self._kb.owner.id):
            try:
                self._work(claim)
            except (Interrupted, StorageFull):
                database.writing(queue.release, [claim], delay_s=BUSY_S)
            except Exception as exc:  # the edge of a job
                if not isinstance(exc, KnowledgeBaseError):
                    logger.exception("the evaluation run %s failed", claim.subject)
                finish(self._kb, claim.subject, "failed", _failure(exc))
        return 0.0

    def _work(self, claim: queue.Job) -> None:
        run = self._kb.database.writing(runs.begin, claim.subject)
        if run is None:
            self._kb.database.writing(queue.finish, [claim])
        elif claim.attempts >= MOST_ATTEMPTS:
            finish(self._kb, run.id, "failed", CRASHED)
        else:
            self._ask_all(claim, run)

    def _ask_all(self, claim: queue.Job, run: EvaluationRun) -> None:
        database, extended = self._kb.database, time.monotonic()
        target = ServedTarget(self._kb, run.subject, self._wait_for(claim))
        while (asked := database.reading(runs.next_outcome, run.id)) is not None:
            if self._loop.is_stopping:
                raise Interrupted
            question = question_of(asked.question, asked.number, run.set_name)
            outcome = outcome_of(asked, measured(question, target.ask(question)))
            if not database.writing(_stored, claim, outcome):
                return
            if time.monotonic() > extended + HEARTBEAT_S:
                database.writing(queue.extend, [claim])
                extended = time.monotonic()
        finish(self._kb, run.id, "succeeded")

    def _wait_for(self, claim: queue.Job) -> Wait:
        """Waits for an answer as long as the run is wanted, and keeps the claim meanwhile."""
        database = self._kb.database

        def wait(asking: Coroutine[Any, Any, Run]) -> Run:
            answer: Future[Run] = asyncio.run_coroutine_threadsafe(asking, self._answering)
            extended = time.monotonic()
            while True:
                try:
                    return answer.result(timeout=1.0)
                except TimeoutError:
                    if answer.done():
                        raise
                    if self._loop.is_stopping or not database.reading(queue.is_held, claim):
                        answer.cancel()
                        raise Interrupted from None
                if time.monotonic() > extended + HEARTBEAT_S:
                    database.writing(queue.extend, [claim])
                    extended = time.monotonic()

        return wait


def _claimed(tx: Transaction, owner: str) -> list[queue.Job]:
    claims = queue.claim(tx, owner, runs.KIND)
    queue.begin(tx, claims)
    return claims


def _stored(tx: Transaction, claim: queue.Job, outcome: EvaluationOutcome) -> bool:
    """Note what became of a question; False if the run is not wanted any more."""
    if not queue.is_held(tx, claim):
        return False
    runs.store(tx, outcome)
    return True


def _failure(exc: Exception) -> Failure:
    return Failure(exc.code, exc.detail) if isinstance(exc, KnowledgeBaseError) else INTERNAL
