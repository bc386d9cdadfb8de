"""`kb move`: from a data folder to servers, and back, with all that cannot be made again.

Nothing may run on either side. What is broken off goes on where it stopped; until the end no
process starts on the target, and the source stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from kb.errors import Conflict, Rejected
from kb.files.folder import DataFolder
from kb.files.folder_originals import FolderOriginals
from kb.files.originals import Originals
from kb.files.s3.originals import BucketOriginals
from kb.iteration import batched
from kb.opening.cluster import open_bucket
from kb.settings import Settings
from kb.store.access.secrets import Secrets, put_secret
from kb.store.content import documents
from kb.store.engine.database import Database
from kb.store.engine.postgres import PostgresDatabase
from kb.store.engine.sqlite import SqliteDatabase
from kb.store.upkeep import moving
from kb.store.upkeep.moving import Say
from kb.upkeep import belonging

STAGED_AT_ONCE = 8
_ANY_SIZE = 1 << 62


@dataclass(frozen=True, slots=True)
class Moved:
    """What is in the target now.

    `missing` are originals that were lost or damaged in the source already, `wrong` what `kb fsck`
    finds in the rows of both.
    """

    rows: int
    originals: int
    missing: tuple[str, ...]
    wrong: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Side:
    database: Database
    originals: Originals


def to_servers(settings: Settings, url: str, bucket: str, say: Say) -> Moved:
    """Move the data folder of the settings to a database server and a bucket.

    Args:
        bucket: `s3://bucket/prefix`, reached as the settings of originals say.

    Raises:
        DataFolderLocked: a server runs on the folder.
        Conflict: the server's database is not empty.
        Rejected: the folder is damaged, or KB_SECRET_KEY is another secret than its own.
        StorageFull, DatabaseUnavailable, StorageUnavailable: move again, it goes on from there.
    """
    folder = DataFolder(settings.data_dir)
    folder.check()
    with ExitStack() as opened:
        opened.enter_context(folder.lock())
        stamp = belonging.check(folder, as_is=False)
        given = settings.secret_key
        if given and Secrets.of_key(given.get_secret_value()).fingerprint != stamp.secret:
            raise Rejected(
                f"KB_SECRET_KEY is not the secret of the folder: set it to what stands in "
                f"{folder.secret}, for keys and passwords to stay valid."
            )
        source = opened.enter_context(_of_folder(folder))
        return _move(source, opened.enter_context(_of_servers(settings, url, bucket)), say)


def to_folder(settings: Settings, url: str, bucket: str, say: Say) -> Moved:
    """Move what servers hold into the empty data folder of the settings. Raises as `to_servers`."""
    if (key := settings.secret_key) is None:
        raise Rejected("Set KB_SECRET_KEY to that of the processes that ran on the servers.")
    folder = DataFolder(settings.data_dir)
    with ExitStack() as opened:
        opened.enter_context(folder.lock())
        source = opened.enter_context(_of_servers(settings, url, bucket))
        put_secret(folder.secret, key.get_secret_value())
        return _move(source, opened.enter_context(_of_folder(folder)), say)


def _move(source: _Side, target: _Side, say: Say) -> Moved:
    with target.database.duty("move") as is_ours:
        if not is_ours:
            raise Conflict("Another `kb move` works on the target. Wait for it.")
        moving.begin(source.database, target.database)
        rows = moving.carry(source.database, target.database, say)
        missing = _carry_originals(source, target, say)
        wrong = moving.finish(source.database, target.database)
    needed = len(target.database.reading(documents.original_hashes))
    return Moved(rows, needed - len(missing), tuple(missing), tuple(wrong))


def _carry_originals(source: _Side, target: _Side, say: Say) -> list[str]:
    """Copy those that the target lacks; returns those that cannot be had."""
    needed = sorted(source.database.reading(documents.original_hashes))
    missing: list[str] = []
    for number, part in enumerate(batched(needed, STAGED_AT_ONCE)):
        lacking = [sha256 for sha256 in part if not target.originals.has(sha256)]
        staged = []
        for sha256 in lacking:
            path = source.originals.path(sha256)
            if not path.is_file():
                missing.append(sha256)
                continue
            with path.open("rb") as file:
                item = target.originals.stage(file, max_bytes=_ANY_SIZE)
            if item.sha256 == sha256:
                staged.append(item)
            else:
                target.originals.discard(item)
                missing.append(sha256)
        sent = target.originals.send(staged)
        with target.database.write() as tx:
            target.originals.adopt(tx, sent)
        say("originals", number * STAGED_AT_ONCE + len(part), len(needed))
    return missing


@contextmanager
def _of_folder(folder: DataFolder) -> Iterator[_Side]:
    database = SqliteDatabase(folder.database)
    try:
        yield _Side(database, FolderOriginals(folder.originals))
    finally:
        database.close()


@contextmanager
def _of_servers(settings: Settings, url: str, bucket: str) -> Iterator[_Side]:
    database = PostgresDatabase(url)
    try:
        with TemporaryDirectory(prefix="kb-move-") as root:
            reached = open_bucket(settings.blobs.model_copy(update={"url": bucket}))
            reached.check()
            originals = BucketOriginals(reached, database, Path(root), "move", cache_bytes=0)
            yield _Side(database, originals)
    finally:
        database.close()
