"""Originals in a bucket, one object each, named by their hash, and copies of them on this machine.

An upload is staged here, sent before its transaction, and the transaction adopts it. What is being
deleted cannot be adopted (`kb/store/upkeep/removals.py`): no row ever needs an object that a late
request deletes. Transactions, which others wait for, do not ask the bucket.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kb.errors import StorageUnavailable
from kb.files.originals import Sent, Staged, Staging, check_room, full_disk_reported
from kb.files.s3.bucket import Bucket
from kb.files.s3.cache import Cache
from kb.store.engine import dialect
from kb.store.engine.database import Database, Transaction
from kb.store.upkeep import removals

ORIGINALS = "originals"
LOST = "lost"
SENT_AT_ONCE = 8
"""Of one upload: many small files take a request each."""
DELETING_S = 5.0
"""How long an upload waits for the deletion of the same bytes."""
LOOK_S = 0.05
SETTLED_S = 86_400.0
"""From its upload on an object may be a stray: its transaction is over, one way or another."""


class BucketOriginals(Staging):
    """The objects `originals/HASH`, and `lost/HASH` for what no row needed. Thread-safe."""

    def __init__(
        self, bucket: Bucket, database: Database, root: Path, owner: str, *, cache_bytes: int
    ) -> None:
        """
        Args:
            root: a folder of this machine, for copies and for what is staged.
            owner: the id of this process among those that work on that folder.
            cache_bytes: about so much of it is for copies.
        """
        super().__init__(root, owner)
        self.cache = Cache(root, cache_bytes)
        self._root = root
        self._bucket = bucket
        self._database = database
        self._threads = ThreadPoolExecutor(SENT_AT_ONCE, "send originals")

    def send(self, staged: Iterable[Staged]) -> Sent:
        """Upload those that are not in the bucket. Raises StorageUnavailable."""
        files = tuple(staged)
        sent = Sent(files, self._none_being_deleted({item.sha256 for item in files}))
        for _ in self._threads.map(self._upload, {item.sha256: item for item in files}.values()):
            pass
        return sent

    def adopt(self, tx: Transaction, sent: Sent) -> None:
        """They are in the bucket for good, and the staged files become copies.

        Raises:
            StorageUnavailable: one was deleted since it was sent.
        """
        hashes = {item.sha256 for item in sent.files}
        if removals.under_way(tx, hashes, sent.at):
            raise _being_deleted()
        removals.forget(tx, hashes)
        for item in sent.files:
            self.cache.add(item.path, item.sha256)

    def path(self, sha256: str) -> Path:
        """A copy with the bytes of that hash. Raises StorageUnavailable and StorageFull."""
        if not self.cache.use(sha256):
            with full_disk_reported():
                self._fetch(sha256)
        return self.cache.path(sha256)

    def has(self, sha256: str) -> bool:
        """Whether the object is there."""
        return self._bucket.size(_key(sha256)) is not None

    def digest(self, sha256: str) -> str:
        """The hash that the object's bytes have."""
        digest = hashlib.sha256()
        for piece in self._bucket.pieces(_key(sha256)):
            digest.update(piece)
        return digest.hexdigest()

    def remove(self, tx: Transaction, sha256: str) -> None:
        """Have it deleted soon by `Removing`."""
        removals.add(tx, sha256)

    def hashes(self) -> Iterator[str]:
        """The names of all objects that have been there for long enough to be a stray, but for
        those that `Removing` will delete."""
        settled = time.time() - SETTLED_S
        going = self._database.reading(removals.waiting)
        for each in self._bucket.objects(ORIGINALS):
            if each.modified < settled and each.name not in going:
                yield each.name

    def set_aside(self, tx: Transaction, sha256: str) -> None:
        """Have it moved to `lost/` soon by `Removing`."""
        removals.add(tx, sha256, is_kept=True)

    @property
    def lost_in(self) -> str:
        """That part of the bucket."""
        return f"{LOST}/ of the bucket"

    def lost(self) -> Iterable[str]:
        """The names of the objects in `lost/`."""
        return [each.name for each in self._bucket.objects(LOST)]

    def bring_back(self, tx: Transaction, sha256: str) -> None:
        """Copy it back from `lost/`. Raises StorageUnavailable."""
        if removals.under_way(tx, [sha256], dialect.now(tx)):
            raise _being_deleted()
        removals.forget(tx, [sha256])
        self._bucket.copy(f"{LOST}/{sha256}", _key(sha256))
        self._bucket.delete([f"{LOST}/{sha256}"])

    def check(self) -> None:
        """Raises StorageUnavailable unless the bucket can be reached."""
        self._bucket.check()

    def delete(self, wanted: Iterable[tuple[str, bool]]) -> None:
        """Delete objects now; those that are kept go to `lost/` first. Outside of transactions."""
        wanted = list(wanted)
        for sha256, is_kept in wanted:
            if is_kept and self.has(sha256):
                self._bucket.copy(_key(sha256), f"{LOST}/{sha256}")
        self._bucket.delete(_key(sha256) for sha256, _ in wanted)

    def _none_being_deleted(self, hashes: set[str]) -> float:
        """Wait for deletions of the same bytes; returns the time of the database."""
        deadline = time.monotonic() + DELETING_S
        while True:
            with self._database.read() as tx:
                now = dialect.now(tx)
                if not removals.under_way(tx, hashes, now):
                    return now
            if time.monotonic() > deadline:
                raise _being_deleted()
            time.sleep(LOOK_S)

    def _upload(self, staged: Staged) -> None:
        key = _key(staged.sha256)
        if self._bucket.size(key) != staged.size_bytes:
            self._bucket.put_file(key, staged.path)

    def _fetch(self, sha256: str) -> None:
        """Copy an object into the cache, unless there is none or its bytes are others."""
        check_room(self._root)
        try:
            staged = self.stage(self._bucket.pieces(_key(sha256)), max_bytes=_ANY_SIZE)
        except FileNotFoundError:
            return
        if staged.sha256 != sha256:
            self.discard(staged)
            return
        self.cache.add(staged.path, sha256)


def _key(sha256: str) -> str:
    return f"{ORIGINALS}/{sha256}"


def _being_deleted() -> StorageUnavailable:
    return StorageUnavailable(
        "The same bytes are just being deleted with the last document that had them. Nothing was "
        "stored; try again in a moment."
    )


_ANY_SIZE = 1 << 62
