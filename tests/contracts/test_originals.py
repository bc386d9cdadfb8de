"""What every store of originals and of unfinished uploads must do."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kb.errors import TooLarge
from kb.files.folder_originals import FolderOriginals
from kb.files.originals import Originals, Staged
from kb.files.partial_files import FolderPartialFiles, PartialFiles
from kb.store.engine.database import Database
from kb.store.engine.postgres import PostgresDatabase
from kb.store.engine.sqlite import SqliteDatabase
from tests.s3_server import S3Server

LARGE = os.urandom((10 << 20) + 1)
"""Goes to a bucket in three parts."""


@dataclass(frozen=True)
class Store:
    """Originals, what is unfinished, and the rows beside them."""

    originals: Originals
    files: PartialFiles
    database: Database

    def keep(self, *contents: bytes) -> list[str]:
        staged = [self.originals.stage([each], max_bytes=len(each)) for each in contents]
        sent = self.originals.send(staged)
        with self.database.write() as tx:
            self.originals.adopt(tx, sent)
        return [item.sha256 for item in staged]

    def settle(self) -> None:
        """Let happen what happens a little later."""
        from kb.files.s3.originals import BucketOriginals
        from kb.files.s3.removing import ForgettingCopies, Removing

        if isinstance(self.originals, BucketOriginals):
            Removing(self.database, self.originals).settle()
            ForgettingCopies(self.database, self.originals).settle()


CLUSTER = pytest.param("cluster", marks=pytest.mark.needs("postgres"))


@pytest.fixture(params=["folder", "bucket", CLUSTER])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    database: Database
    if request.param == "cluster":
        database = PostgresDatabase(request.getfixturevalue("postgres_url"))
    else:
        database = SqliteDatabase(tmp_path / "kb.db")
    if request.param == "folder":
        folder = FolderOriginals(tmp_path / "originals")
        yield Store(folder, FolderPartialFiles(tmp_path / "uploads", folder), database)
    else:
        s3: S3Server = request.getfixturevalue("s3")
        yield bucket_store(s3, s3.url(), tmp_path / "originals", database)
    database.close()


def bucket_store(s3: S3Server, url: str, root: Path, database: Database) -> Store:
    from kb.files.s3.originals import BucketOriginals
    from kb.files.s3.partial_files import BucketPartialFiles

    bucket = s3.bucket(url)
    originals = BucketOriginals(bucket, database, root, "one", cache_bytes=1 << 30)
    return Store(originals, BucketPartialFiles(bucket, originals), database)


def named(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("content", [b"", b"text", LARGE], ids=["empty", "small", "large"])
def test_what_was_adopted_is_there_under_its_hash(store: Store, content: bytes):
    assert store.keep(content) == [named(content)]

    assert store.originals.has(named(content))
    assert store.originals.path(named(content)).read_bytes() == content
    assert store.originals.digest(named(content)) == named(content)


def test_the_same_bytes_can_be_adopted_many_times(store: Store):
    first = store.keep(b"text", b"text", b"other")
    assert store.keep(b"text") == first[:1]

    assert store.originals.path(named(b"text")).read_bytes() == b"text"


def test_what_was_not_adopted_leaves_nothing_behind(store: Store):
    with pytest.raises(TooLarge):
        store.originals.stage([b"12345", b"6"], max_bytes=5)
    staged = store.originals.stage([b"123"], max_bytes=5)
    store.originals.discard(staged)

    assert not staged.path.exists()
    assert not store.originals.has(staged.sha256)


def test_what_was_never_kept_or_was_removed_is_not_there(store: Store):
    (kept,) = store.keep(b"text")
    assert store.originals.path(kept).exists()
    with store.database.write() as tx:
        store.originals.remove(tx, kept)
    store.settle()

    for name in (kept, named(b"never")):
        assert not store.originals.has(name)
        assert not store.originals.path(name).exists()
        with pytest.raises(FileNotFoundError):
            store.originals.digest(name)


def test_what_is_removed_can_be_kept_again_at_once(store: Store):
    for _ in range(3):
        (kept,) = store.keep(b"again and again")
        with store.database.write() as tx:
            store.originals.remove(tx, kept)
    store.keep(b"again and again")
    store.settle()

    assert store.originals.path(kept).read_bytes() == b"again and again"


def test_what_is_set_aside_can_be_brought_back(store: Store):
    (kept,) = store.keep(b"whose?")
    with store.database.write() as tx:
        store.originals.set_aside(tx, kept)
    store.settle()
    assert not store.originals.has(kept)
    assert kept in store.originals.lost()

    with store.database.write() as tx:
        store.originals.bring_back(tx, kept)
    assert store.originals.path(kept).read_bytes() == b"whose?"
    assert kept not in store.originals.lost()


def test_an_upload_grows_piece_by_piece(store: Store):
    store.files.create("u1")
    for at, piece in ((0, b"one "), (4, b"two "), (8, b"three")):
        assert store.files.size("u1") == at
        store.files.append("u1", piece, at=at)

    assert staged_bytes(store, "u1") == b"one two three"
    assert list(store.files.ids()) == ["u1"]
    store.files.remove("u1")
    assert (store.files.size("u1"), list(store.files.ids())) == (0, [])


def test_what_is_cut_off_can_come_again(store: Store):
    store.files.create("u1")
    store.files.append("u1", b"good", at=0)
    store.files.append("u1", b"bad", at=4)
    store.files.cut("u1", 4)
    assert store.files.size("u1") == 4
    store.files.append("u1", b" and better", at=4)

    assert staged_bytes(store, "u1") == b"good and better"


def test_parts_become_one_file_and_stay(store: Store):
    for name, pieces in (("b", [b"1", b"22"]), ("a", [b"333"]), ("whole", [])):
        store.files.create(name)
        for piece in pieces:
            store.files.append(name, piece, at=store.files.size(name))
    store.files.join("whole", ["b", "a"])

    assert staged_bytes(store, "whole") == b"122333"
    assert store.files.size("b") == 3
    with pytest.raises(FileNotFoundError):
        store.files.join("whole", ["never"])


def test_bytes_that_no_upload_owns_are_taken_away(store: Store):
    store.files.create("u1")
    store.files.append("u1", b"of whom?", at=0)
    store.files.set_aside("u1")

    assert list(store.files.ids()) == []


def staged_bytes(store: Store, upload_id: str) -> bytes:
    staged: Staged = store.files.stage(upload_id)
    content = staged.path.read_bytes()
    assert (staged.size_bytes, staged.sha256) == (len(content), named(content))
    store.originals.discard(staged)
    return content
