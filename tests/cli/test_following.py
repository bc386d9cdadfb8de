"""The bar of `kb ingest`: the rate and the time left, as the server counts them."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from cli.following import Following
from client.http import Client
from kb.store.engine import schema
from kb.store.work import batches, jobs, placing, throughput
from kb.store.work.placing import Upload, UploadTarget
from kb.types import Scope
from tests.api.serving import Served, serving

ADMIN = Scope.admin()


@pytest.fixture
def served(tmp_path: Path):
    with serving(tmp_path / "data") as running:
        yield running


def new_batch(served: Served, dataset_id: str, *, files: int, size: int, embedded: float) -> str:
    """A batch that a worker has in hand since long ago, with so many bytes embedded of late."""
    with served.kb.database.write() as tx:
        batch_id = batches.create(tx, ADMIN, dataset_id)
        names = [f"{batch_id}-{number}.md" for number in range(files)]
        uploads = [Upload(name, "text/markdown", name, size) for name in names]
        placed = placing.put(tx, UploadTarget(ADMIN, dataset_id, batch_id), uploads)
        batches.add(tx, batch_id, placed)
        jobs.claim(tx, "somebody", "index", files)  # so the server's own worker leaves them alone
        throughput.add(tx, {batch_id: embedded})
        own = update(schema.batches).where(schema.batches.c.id == batch_id)
        tx.execute(own.values(created_at="2020-01-01T00:00:00.000Z"))
    return batch_id


def test_the_time_left_counts_what_is_sent_and_what_is_not(served):
    dataset_id = served.new_dataset("d")
    begun = new_batch(served, dataset_id, files=2, size=500, embedded=400.0)
    waiting = new_batch(served, dataset_id, files=3, size=1000, embedded=0.0)
    client = Client(served.url, served.kb.access.admin_key)
    following = Following(client)

    following.add(begun, documents=2, size_bytes=1000)
    following.look()
    # 400 bytes in the ten seconds of the pace are 40 a second.
    assert following.eta_s(unsent=0) == pytest.approx(1000 / 40, rel=0.01)

    following.add(waiting, documents=3, size_bytes=3000)
    following.look()
    assert following.eta_s(unsent=0) == pytest.approx((1000 + 3000) / 40, rel=0.01)
    # Five documents of 800 bytes on average are sent, and five more are to come.
    assert following.eta_s(unsent=5) == pytest.approx((4000 + 5 * 800) / 40, rel=0.01)
    client.close()


def test_no_time_is_named_while_nothing_moves(served):
    batch_id = new_batch(served, served.new_dataset("d"), files=1, size=500, embedded=0.0)
    client = Client(served.url, served.kb.access.admin_key)
    following = Following(client)
    following.add(batch_id, documents=1, size_bytes=500)
    following.look()
    assert following.eta_s(unsent=0) is None
    client.close()
