"""Training jobs, what happened in them, and the line of the models that they made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kb.errors import Conflict, NotFound
from kb.ids import new_id, now
from kb.knowledge_base import KnowledgeBase
from kb.store.engine.paging import PageRequest
from kb.store.tuning import jobs, tuned_models
from kb.store.tuning.jobs import NewEvent
from kb.types import TunedModel, TuningJob
from tests.parts import ADMIN

JOB = TuningJob(
    id="ftjob_1",
    backend="local",
    model="tiny",
    task="chat",
    method="supervised",
    training_file="file_1",
    validation_file=None,
    suffix="story",
    seed=7,
    hyperparameters={"n_epochs": "auto"},
    status="queued",
    created_at=now(),
)


def added(kb: KnowledgeBase) -> TuningJob:
    job = replace(JOB, id=new_id("ftjob"))
    kb.database.writing(jobs.add, ADMIN, job)
    return job


def made(kb: KnowledgeBase, name: str, parent: str | None = None) -> TuningJob:
    job = added(kb)
    model = TunedModel(
        name, job.id, "tiny", parent, "chat", "aa", "bb", "", ("\n",), "f", None, now()
    )
    kb.database.writing(tuned_models.add, ADMIN, model)
    kb.database.writing(jobs.move, job.id, "succeeded", fine_tuned_model=name)
    return job


def test_a_job_is_read_as_it_was_stored(kb):
    job = added(kb)
    assert kb.database.reading(jobs.get, ADMIN, job.id) == job


def test_a_job_that_has_ended_is_not_moved_again(kb):
    job = added(kb)
    assert kb.database.writing(jobs.move, job.id, "cancelled")
    assert not kb.database.writing(jobs.move, job.id, "succeeded")
    found = kb.database.reading(jobs.get, ADMIN, job.id)
    assert found.status == "cancelled"
    assert found.finished_at is not None


def test_events_are_numbered_from_one_and_paged_in_either_direction(kb):
    job, other = added(kb), added(kb)
    kb.database.writing(jobs.append, other.id, [NewEvent("elsewhere")])
    kb.database.writing(jobs.append, job.id, [NewEvent("a"), NewEvent("b", kind="metrics")])
    kb.database.writing(jobs.append, job.id, [NewEvent("c", {"step": 3})])

    first = kb.database.reading(jobs.events_of, job.id, PageRequest(2))
    rest = kb.database.reading(jobs.events_of, job.id, PageRequest(2, first.next))
    newest = kb.database.reading(jobs.events_of, job.id, PageRequest(1), newest_first=True)

    assert [(each.seq, each.message) for each in first.data] == [(1, "a"), (2, "b")]
    assert [(each.seq, each.message) for each in rest.data] == [(3, "c")]
    assert [each.data for each in newest.data] == [{"step": 3}]
    assert [each.message for each in kb.database.reading(jobs.all_events, job.id, "metrics")] == [
        "b"
    ]


def test_a_line_of_models_is_told_and_kept_together(kb):
    first, second = made(kb, "ft:tiny:1"), made(kb, "ft:tiny:2", "ft:tiny:1")

    line = kb.database.reading(tuned_models.lineage, ADMIN, "ft:tiny:2")
    assert [model.name for model in line] == ["ft:tiny:2", "ft:tiny:1"]

    with pytest.raises(Conflict, match="ft:tiny:2"):
        kb.database.writing(jobs.remove, ADMIN, first.id)
    kb.database.writing(jobs.remove, ADMIN, second.id)
    kb.database.writing(jobs.remove, ADMIN, first.id)
    with pytest.raises(NotFound):
        kb.database.reading(tuned_models.get, ADMIN, "ft:tiny:1")


def test_a_job_that_runs_is_not_deleted(kb):
    with pytest.raises(Conflict, match="Cancel it first"):
        kb.database.writing(jobs.remove, ADMIN, added(kb).id)


def test_a_job_without_a_model_is_deleted_whatever_others_have_made(kb):
    made(kb, "ft:tiny:1")
    job = added(kb)
    kb.database.writing(jobs.move, job.id, "cancelled")
    kb.database.writing(jobs.remove, ADMIN, job.id)
    with pytest.raises(NotFound):
        kb.database.reading(jobs.get, ADMIN, job.id)
