"""Keys take turns, and so do the datasets of a key, whatever waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from sqlalchemy import select, update

from kb.store.content import datasets
from kb.store.engine.database import Database
from kb.store.work import batches, jobs, placing
from kb.store.work.fair_turns import Party
from kb.store.work.placing import Upload, UploadTarget
from kb.types import Scope

ADMIN = Scope.admin()
KEYS = (None, "key_a", "key_b")


def queue(database: Database, key: str | None, dataset_id: str, names: Sequence[str]) -> Party:
    scope = replace(ADMIN, key_id=key)
    with database.write() as tx:
        target = UploadTarget(scope, dataset_id, batches.create(tx, scope, dataset_id))
        placing.put(tx, target, [Upload(f"{n}.md", "text/markdown", n, 1) for n in names])
    return key or "", dataset_id


def in_order(rows: Sequence[Any]) -> list[int]:
    """Job n of a party has its turn n, job n of a key by these its place n among those of others:
    what was begun least often is first, then the places count, then age."""
    turns, places = Counter[Party](), Counter[str]()
    by_turn = []
    for row in sorted(rows, key=lambda row: (row.attempts, row.id)):
        turns[row.key_id, row.dataset_id] += 1
        by_turn.append((turns[row.key_id, row.dataset_id], row.id, row))
    ordered = []
    for _, _, row in sorted(by_turn):
        places[row.key_id] += 1
        ordered.append((row.attempts, places[row.key_id], row.id))
    return [job_id for *_, job_id in sorted(ordered)]


@pytest.fixture
def parties(database: Database) -> list[Party]:
    """Work of three keys on three datasets, by turns much and little, some of it begun before."""
    random = Random(17)
    made = [database.writing(datasets.create, ADMIN, name=f"d{n}", embedder="e") for n in range(3)]
    found = [
        queue(database, key, dataset.id, [f"{key}{part}{n}" for n in range(random.randint(1, 25))])
        for part in range(2)
        for dataset in made
        for key in KEYS
    ]
    with database.write() as tx:
        for job_id in tx.execute(select(jobs.table.c.id)).scalars().all():
            tried = random.choice((0, 0, 0, 1, 2))
            tx.execute(update(jobs.table).where(jobs.table.c.id == job_id).values(attempts=tried))
    return sorted(set(found))


@pytest.mark.parametrize("limit", [1, 7, 40])
def test_every_claim_takes_those_whose_turn_it_is(
    database: Database, parties: list[Party], limit: int
):
    while True:
        with database.write() as tx:
            waiting = tx.execute(select(jobs.table).where(jobs.table.c.owner.is_(None))).all()
            claimed = jobs.claim(tx, "me", "index", limit)
        assert sorted(job.id for job in claimed) == sorted(in_order(waiting)[:limit])
        if not waiting:
            break


def test_nothing_is_taken_of_those_who_have_a_turn_already(
    database: Database, parties: list[Party]
):
    *besides, last = parties
    claimed = database.writing(jobs.claim, "me", "index", 100, besides=besides)
    assert {job.party for job in claimed} == {last}


def test_a_key_that_retries_in_anothers_batch_takes_a_turn_of_its_own(database: Database):
    dataset = database.writing(datasets.create, ADMIN, name="d", embedder="e")
    queue(database, "key_a", dataset.id, [str(n) for n in range(9)])
    with database.write() as tx:
        last = tx.execute(select(jobs.table).order_by(jobs.table.c.id.desc())).first()
        assert last is not None
        jobs.drop(tx, last.subject)
        jobs.add(tx, "index", {last.subject: {"version": 1, "key": "key_b"}}, last.batch_id)
        claimed = jobs.claim(tx, "me", "index", 2)
    assert [job.party for job in claimed] == [("key_a", dataset.id), ("key_b", dataset.id)]
