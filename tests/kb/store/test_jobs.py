"""Jobs: claimed once, fenced for ever, and blamed only for what they began."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from kb.knowledge_base import KnowledgeBase
from kb.store.content import documents
from kb.store.work import batch_control, jobs
from kb.types import Failure
from tests.parts import ADMIN, begin, crash, upload


@pytest.fixture
def dataset_id(kb: KnowledgeBase) -> str:
    return kb.create_dataset(ADMIN, "d").id


def claim(kb: KnowledgeBase, limit: int = 100) -> list[jobs.Job]:
    return kb.database.writing(jobs.claim, kb.owner.id, "index", limit, is_begun=False)


def suspect(kb: KnowledgeBase) -> list[jobs.Job]:
    return kb.database.writing(jobs.claim, kb.owner.id, "index", is_begun=True)


def is_held(kb: KnowledgeBase, job: jobs.Job) -> bool:
    return kb.database.reading(jobs.is_held, job)


def pass_time(kb: KnowledgeBase, seconds: float) -> None:
    with kb.database.write() as tx:
        tx.execute(text("UPDATE queue SET lease_until = lease_until - :s"), {"s": seconds})


def test_the_oldest_are_claimed_first_and_nothing_twice(kb, dataset_id):
    accepted = upload(kb, dataset_id, {f"{n}.md": f"Text {n}" for n in range(5)}).accepted
    first, second = claim(kb, 3), claim(kb, 3)
    assert [job.subject for job in (*first, *second)] == [item.id for item in accepted]
    assert claim(kb) == []


def test_an_expired_lease_is_claimed_by_another_and_the_first_is_fenced_off(kb, dataset_id):
    upload(kb, dataset_id, {"a.md": "Text"})
    (slow,) = claim(kb)
    assert begin(kb, slow)
    pass_time(kb, jobs.LEASE_S + 1)
    assert claim(kb) == [], "it was begun: it may be what hangs"
    (taken,) = suspect(kb)
    assert (taken.id, taken.attempts) == (slow.id, 1)
    assert not is_held(kb, slow)
    assert is_held(kb, taken)
    assert not begin(kb, slow)
    kb.database.writing(jobs.release, [slow])
    assert is_held(kb, taken), "a fenced-off worker gives nothing back"


def test_a_heartbeat_keeps_a_claim(kb, dataset_id):
    upload(kb, dataset_id, {"a.md": "Text"})
    held = claim(kb)
    pass_time(kb, jobs.LEASE_S - 1)
    kb.database.writing(jobs.extend, held)
    pass_time(kb, jobs.LEASE_S - 1)
    assert claim(kb) == suspect(kb) == []


def test_a_replaced_document_gets_a_job_that_no_old_claim_matches(kb, dataset_id):
    tokens = set()
    for number in range(5):
        upload(kb, dataset_id, {"a.md": f"Text {number}"})
        (job,) = claim(kb)
        tokens.add((job.id, job.token))
    assert len(tokens) == 5


def test_a_job_is_never_numbered_like_one_that_was(kb, dataset_id):
    doc = upload(kb, dataset_id, {"a.md": "Text"}).accepted[0]
    (old,) = claim(kb)
    kb.database.writing(jobs.drop, doc.id)
    kb.database.writing(documents.set_status, doc.id, "failed", Failure("x", "y"))
    kb.database.writing(batch_control.retry_document, ADMIN, doc.id)
    (new,) = claim(kb)
    assert new.id > old.id
    assert not is_held(kb, old)


def test_suspects_come_one_by_one_least_tried_first(kb, dataset_id):
    upload(kb, dataset_id, {f"{n}.md": f"Text {n}" for n in range(3)})
    for job in claim(kb):
        begin(kb, job)
    crash(kb)
    (first,) = suspect(kb)
    begin(kb, first)
    crash(kb)

    order = [suspect(kb)[0] for _ in range(3)]
    assert [job.attempts for job in order] == [1, 1, 2]
    assert order[-1].id == first.id


def test_a_claim_that_was_only_waiting_at_a_crash_is_not_blamed(kb, dataset_id):
    upload(kb, dataset_id, {f"{n}.md": f"Text {n}" for n in range(3)})
    for _ in range(10):
        assert len(claim(kb)) == 3
        crash(kb)
    assert [job.attempts for job in claim(kb)] == [0, 0, 0]


def test_waiting_counts_all_that_is_not_finished(kb, dataset_id):
    accepted = upload(kb, dataset_id, {f"{n}.md": f"Text {n}" for n in range(3)}).accepted
    claim(kb, 1)
    assert kb.database.reading(jobs.waiting) == 3
    kb.database.writing(jobs.drop, accepted[0].id)
    assert kb.database.reading(jobs.waiting) == 2


def test_a_heartbeat_of_a_fenced_off_worker_does_not_keep_its_successors_claim(kb, dataset_id):
    upload(kb, dataset_id, {"a.md": "Text"})
    slow = claim(kb)
    pass_time(kb, jobs.LEASE_S + 1)
    (taken,) = claim(kb)
    pass_time(kb, jobs.LEASE_S + 1)
    kb.database.writing(jobs.extend, slow)
    (third,) = claim(kb)
    assert third.token == taken.token + 1


def test_a_job_that_was_put_off_is_claimed_when_its_time_has_come(kb, dataset_id):
    upload(kb, dataset_id, {"a.md": "Text"})
    kb.database.writing(jobs.release, claim(kb), delay_s=60)
    assert claim(kb) == []
    with kb.database.write() as tx:
        tx.execute(text("UPDATE queue SET run_after = run_after - 61"))
    assert len(claim(kb)) == 1


def test_a_job_that_was_put_off_is_claimed_though_the_clock_was_set_back(kb, dataset_id):
    upload(kb, dataset_id, {"a.md": "Text"})
    (job,) = claim(kb)
    kb.database.writing(jobs.release, [job], delay_s=10 * 365 * 86_400)
    assert len(claim(kb)) == 1


def test_what_a_living_process_has_in_hand_is_not_queued_again(kb, dataset_id):
    upload(kb, dataset_id, {"a.md": "Text"})
    (job,) = claim(kb)
    assert kb.database.writing(jobs.requeue_left, {kb.owner.id, "another"}) == 0
    assert is_held(kb, job)
    assert kb.database.writing(jobs.requeue_left, {"another"}) == 1
