"""Asking for training jobs in the test's own process, and waiting for what becomes of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kb.knowledge_base import KnowledgeBase
from kb.store.tuning import jobs
from kb.stored_files.keeping import keep
from kb.types import TuningJob
from tests.parts import ADMIN
from tune.jobs.worker import TuningWorker

PATIENCE_S = 60
TRAINER = "tests.tune.scripted_trainer"


def row(question: str, answer: str = "Yes.", weight: int | None = None, **others: Any) -> Any:
    said = {"role": "assistant", "content": answer}
    said |= {} if weight is None else {"weight": weight}
    return {"messages": [{"role": "user", "content": question}, said], **others}


def stored(kb: KnowledgeBase, rows: list[dict[str, Any]], purpose: str = "fine-tune") -> str:
    data = "".join(json.dumps(each) + "\n" for each in rows).encode()
    return keep(kb, ADMIN, "rows.jsonl", data, purpose).id


@contextmanager
def training(kb: KnowledgeBase, module: str = TRAINER) -> Iterator[None]:
    worker = TuningWorker(kb, module)
    worker.start()
    try:
        yield
    finally:
        worker.stop()


def seen(kb: KnowledgeBase, job: TuningJob) -> TuningJob:
    return kb.database.reading(jobs.get, ADMIN, job.id)


def until(kb: KnowledgeBase, job: TuningJob, is_so: Callable[[TuningJob], bool]) -> TuningJob:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so(found := seen(kb, job)):
        assert time.monotonic() < deadline, (found, told(kb, job))
        time.sleep(0.05)
    return found


def ended(kb: KnowledgeBase, job: TuningJob) -> TuningJob:
    return until(kb, job, lambda found: found.status in jobs.ENDED)


def told(kb: KnowledgeBase, job: TuningJob) -> list[str]:
    return [event.message for event in kb.database.reading(jobs.all_events, job.id, "message")]


def steps(kb: KnowledgeBase, job: TuningJob) -> list[int]:
    return [each.data["step"] for each in kb.database.reading(jobs.all_events, job.id, "metrics")]
