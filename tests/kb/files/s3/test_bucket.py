"""A store that is away, slow, killed, damaged or shared: what was acknowledged is there."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import update

from kb.errors import Conflict, StorageUnavailable
from kb.files.s3 import cache, originals
from kb.files.s3.bucket import Bucket
from kb.files.s3.originals import BucketOriginals
from kb.files.s3.partial_files import BucketPartialFiles
from kb.files.s3.removing import ForgettingCopies, Removing
from kb.store.engine import schema
from kb.store.engine.database import Database, Transaction
from kb.store.engine.sqlite import SqliteDatabase
from kb.store.upkeep import removals
from tests.parts import PATIENCE_S
from tests.s3_server import S3Server


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = SqliteDatabase(tmp_path / "kb.db")
    yield opened
    opened.close()


class Machines:
    """Processes on machines of their own, over one bucket."""

    def __init__(self, s3: S3Server, database: Database, root: Path) -> None:
        self.bucket = s3.bucket()
        self.database = database
        self._root = root
        self._count = 0

    def another(self, bucket: Bucket | None = None, cache_bytes: int = 1 << 30) -> BucketOriginals:
        self._count += 1
        root = self._root / f"machine{self._count}"
        to = bucket or self.bucket
        return BucketOriginals(to, self.database, root, "one", cache_bytes=cache_bytes)


@pytest.fixture
def machines(s3: S3Server, database: Database, tmp_path: Path) -> Machines:
    return Machines(s3, database, tmp_path)


def keep(store: BucketOriginals, database: Database, content: bytes) -> str:
    staged = store.stage([content], max_bytes=len(content))
    sent = store.send([staged])
    with database.write() as tx:
        store.adopt(tx, sent)
    return staged.sha256


def remove(store: BucketOriginals, database: Database, sha256: str) -> None:
    with database.write() as tx:
        store.remove(tx, sha256)


def test_what_one_machine_keeps_every_other_reads(machines, database):
    here, there = machines.another(), machines.another()
    kept = keep(here, database, b"text")

    assert there.path(kept).read_bytes() == b"text"
    assert there.path(kept) != here.path(kept)


def test_a_store_that_is_away_is_said_to_be_and_loses_nothing(machines, database, s3):
    here, there = machines.another(), machines.another()
    kept = keep(here, database, b"before")
    s3.kill()
    try:
        with pytest.raises(StorageUnavailable, match="nothing is lost"):
            keep(here, database, b"meanwhile")
        with pytest.raises(StorageUnavailable, match=machines.bucket._url):
            there.path(kept)
        assert here.path(kept).read_bytes() == b"before", "a copy needs no store"
        remove(here, database, kept)
    finally:
        s3.start()
    assert there.path(kept).read_bytes() == b"before"
    Removing(database, here).settle()
    assert not there.has(kept)


def test_a_store_that_says_nothing_refuses_all_at_once_and_goes_on_by_itself(
    machines, database, s3
):
    bucket = s3.bucket(timeout_s=0.5)
    here, there = machines.another(bucket), machines.another(bucket)
    kept = keep(here, database, b"before")
    s3.pause()
    try:
        with pytest.raises(StorageUnavailable, match="nothing is lost"):
            keep(here, database, b"meanwhile")
        assert bucket._absence.is_known
        for ask in (partial(there.path, kept), partial(keep, here, database, b"1"), bucket.check):
            with pytest.raises(StorageUnavailable, match="Try again"):
                ask()
        assert here.path(kept).read_bytes() == b"before", "a copy needs no store"
    finally:
        s3.resume()
    deadline = time.monotonic() + PATIENCE_S
    while bucket._absence.is_known:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert there.path(kept).read_bytes() == b"before"
    assert there.path(keep(here, database, b"meanwhile")).read_bytes() == b"meanwhile"


def test_what_was_acknowledged_before_the_store_was_killed_is_there_after(machines, database, s3):
    here, there = machines.another(), machines.another()
    contents = [os.urandom(size) for size in [20_000] * 60 + [10 << 20] * 6]
    acknowledged = []
    with ThreadPoolExecutor(4) as threads:
        running = {threads.submit(keep, here, database, each): each for each in contents}
        for done in as_completed(running):
            try:
                acknowledged.append((done.result(), running[done]))
            except StorageUnavailable:
                continue
            if len(acknowledged) == 20:
                s3.kill()
    s3.start()

    assert 20 <= len(acknowledged) < len(contents)
    for sha256, content in acknowledged:
        assert there.path(sha256).read_bytes() == content
    for content in contents:  # what was refused can be sent again
        assert there.path(keep(here, database, content)).read_bytes() == content


def test_keys_that_the_store_refuses_are_named(s3):
    wrong = {**s3.access, "secret_key": "another"}
    with pytest.raises(StorageUnavailable, match="KB_BLOBS__ACCESS_KEY"):
        Bucket(s3.url(), **wrong).check()
    s3.bucket().check()


def test_bytes_that_were_deleted_after_they_were_sent_are_not_adopted(machines, database):
    here, there = machines.another(), machines.another()
    kept = keep(there, database, b"the same")
    staged = here.stage([b"the same"], max_bytes=10)
    sent = here.send([staged])  # it is there already
    remove(there, database, kept)
    Removing(database, there).settle()

    with database.write() as tx, pytest.raises(StorageUnavailable, match="try again"):
        here.adopt(tx, sent)
    keep(here, database, b"the same")
    assert there.has(kept)


def test_bytes_that_a_late_request_may_delete_are_not_relied_on(
    machines, database, s3, monkeypatch
):
    """The store stands still with the request in its hands: whether it was carried out, nobody
    knows until no answer can come any more."""
    monkeypatch.setattr(originals, "DELETING_S", 0.0)
    here = machines.another()
    slow = machines.another(s3.bucket(machines.bucket._url, timeout_s=0.5))
    kept = keep(here, database, b"the same")
    remove(here, database, kept)
    monkeypatch.setattr(slow, "check", s3.pause)  # it was there a moment ago
    try:
        with pytest.raises(StorageUnavailable):
            Removing(database, slow).settle()
    finally:
        s3.resume()

    Removing(database, here).settle()  # not yet: the first request may be on its way
    with pytest.raises(StorageUnavailable, match="try again"):
        keep(here, database, b"the same")

    def later(tx: Transaction) -> None:
        tx.execute(update(schema.removals).values(begun_at=time.time() - removals.AGAIN_S - 1))

    database.writing(later)
    Removing(database, here).settle()
    keep(here, database, b"the same")
    assert machines.another().path(kept).read_bytes() == b"the same"


def test_bytes_that_were_refused_can_come_again_as_soon_as_the_store_is_back(
    machines, database, s3, monkeypatch
):
    monkeypatch.setattr(originals, "DELETING_S", 0.0)
    here = machines.another()
    remove(here, database, keep(here, database, b"the same"))
    s3.kill()
    try:
        with pytest.raises(StorageUnavailable):
            Removing(database, here).settle()
    finally:
        s3.start()
    keep(here, database, b"the same")


def test_an_object_with_other_bytes_is_as_good_as_lost_and_is_said_to_be(machines, database):
    here = machines.another()
    kept = keep(here, database, b"true")
    machines.bucket.delete([f"originals/{kept}"])
    machines.bucket.put(f"originals/{kept}", b"fake")

    there = machines.another()
    assert not there.path(kept).exists()
    assert there.digest(kept) != kept
    keep(here, database, b"a longer true")


def test_objects_without_rows_are_strays_when_no_upload_can_be_on_its_way(
    machines, database, monkeypatch
):
    here = machines.another()
    here.send([here.stage([b"never adopted"], max_bytes=100)])
    assert list(here.hashes()) == []

    monkeypatch.setattr(originals, "SETTLED_S", -60.0)
    assert len(list(here.hashes())) == 1


def test_copies_take_bounded_room_and_those_in_use_stay(machines, database, monkeypatch):
    here, size = machines.another(), 1000
    kept = [keep(here, database, bytes([number]) * size) for number in range(10)]
    there = machines.another(cache_bytes=4 * size)
    for sha256 in kept:
        there.path(sha256)
    assert set(there.cache.names()) == set(kept), "whoever was given a path may be about to open it"

    monkeypatch.setattr(cache, "KEEP_S", 0.0)
    for age, sha256 in enumerate(kept[1:], start=1):
        os.utime(there.path(sha256), (time.time() - 100 + age,) * 2)
    with there.path(kept[1]).open("rb") as file:
        os.utime(there.path(kept[1]), (1.0, 1.0))
        there.cache.remove(kept[0])
        assert there.path(kept[0]).read_bytes() == bytes([0]) * size
        assert file.read() == bytes([1]) * size, "what is open is read to its end"
    left = set(there.cache.names())
    assert len(left) <= 4
    assert kept[0] in left
    assert kept[1] not in left


def test_copies_of_what_was_deleted_go_from_every_machine(machines, database):
    here, there, late = machines.another(), machines.another(), machines.another()
    kept = keep(here, database, b"to be erased")
    copies = [each.path(kept) for each in (here, there, late)]
    forgetting = ForgettingCopies(database, there)
    remove(here, database, kept)
    Removing(database, here).settle()
    forgetting.settle()
    assert not copies[1].exists()

    ForgettingCopies(database, late).settle()  # a process that did not run meanwhile
    assert not copies[2].exists()


def test_an_upload_goes_on_through_any_process(machines, database):
    here, there = (BucketPartialFiles(machines.bucket, machines.another()) for _ in range(2))
    here.append("u1", b"begun here, ", at=0)
    assert there.size("u1") == 12
    there.append("u1", b"ended there", at=12)

    assert here.stage("u1").path.read_bytes() == b"begun here, ended there"


def test_two_processes_cannot_write_at_one_offset_of_an_upload(machines, database):
    here, there = (BucketPartialFiles(machines.bucket, machines.another()) for _ in range(2))
    here.append("u1", b"first", at=0)
    with pytest.raises(Conflict, match="HEAD"):
        there.append("u1", b"second try", at=0)

    assert there.size("u1") == 5
