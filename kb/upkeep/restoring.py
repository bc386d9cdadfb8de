"""Restoring a backup into an empty folder, and checking one without restoring it.

Nothing in a tar is trusted: names other than those that a backup has are refused, and every byte is
checked against a hash. The database gets its name last, so a folder in which it stands is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kb.errors import Conflict, Rejected
from kb.files.folder import DataFolder
from kb.files.originals import fsync_folder, full_disk_reported
from kb.upkeep.backup import DATABASE, FORMAT, KEYS, MANIFEST, PIECE_BYTES, Manifest

MAX_MANIFEST_BYTES = 1 << 24
MAX_KEY_BYTES = 4096
_TUNING = re.compile(r"tuning/ftjob_[0-9a-f]{1,40}(?:/\w[\w.-]*)+")
_ORIGINAL = re.compile(r"originals/([0-9a-f]{2})/(\1[0-9a-f]{62})")


def restore(file: Path, folder: DataFolder) -> Manifest:
    """Make a data folder of a backup; its first start makes the indexes.

    Raises:
        Conflict: the folder is not empty.
        Rejected: the file is not a backup, is damaged or cut off, or is of a newer version.
        StorageFull: there is no room; the folder is as it was.
    """
    root = folder.root
    is_new = not root.exists()
    if not is_new and any(root.iterdir()):
        raise Conflict(f"The folder {root} is not empty. Restore into a new one.")
    lock = folder.lock()
    try:
        with full_disk_reported():
            manifest = _unpack(file, root)
            os.sync()
            (root / f"{DATABASE}.new").replace(folder.database)
            fsync_folder(root)
    except BaseException:
        _empty(root)
        if is_new:
            root.rmdir()
        raise
    finally:
        lock.close()
    return manifest


def check(file: Path) -> Manifest:
    """Read a backup to its end. Raises Rejected when it is not whole."""
    return _unpack(file, None)


def _unpack(file: Path, root: Path | None) -> Manifest:
    """Check every member of a backup, and write each under a folder if there is one."""
    with _opened(file) as tar:
        manifest = _manifest(tar)
        originals = 0
        found: set[str] = set()
        while (member := tar.next()) is not None:
            expected = _expected(member, manifest)
            target = None if root is None else _target(root, member.name)
            sha256 = _copied(tar, member, target)
            if expected is not None and sha256 != expected:
                raise Rejected(
                    f"The backup is damaged: {member.name} has other bytes. Use another copy."
                )
            originals += member.name.startswith("originals/")
            found.add(member.name)
    needed = {DATABASE, KEYS[0], *manifest.tuning}
    if originals != manifest.originals or not needed <= found:
        raise Rejected("The backup is not whole. Make it again, or use another copy of it.")
    return manifest


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(file, "r:") as tar:
            yield tar
    except FileNotFoundError as exc:
        raise Rejected(f"There is no file {str(file)!r}. Name the tar of a backup.") from exc
    except tarfile.TarError as exc:
        damage = f"is not a backup, or it is damaged or cut off: {exc}"
        raise Rejected(f"{str(file)!r} {damage}. Use another copy of it.") from exc


def _manifest(tar: tarfile.TarFile) -> Manifest:
    first = tar.next()
    if first is None or first.name != MANIFEST or first.size > MAX_MANIFEST_BYTES:
        raise Rejected("The file is not a backup: it does not begin with a manifest.")
    try:
        fields = json.loads(_data(tar, first).read())
        if fields["format"] > FORMAT:
            raise Rejected("The backup was made by a newer version. Restore it with that one.")
        return Manifest(**{**fields, "missing": tuple(fields["missing"])})
    except (ValueError, KeyError, TypeError) as exc:
        raise Rejected("The manifest of the backup is damaged. Use another copy of it.") from exc


def _expected(member: tarfile.TarInfo, manifest: Manifest) -> str | None:
    """The hash that a member must have, None if any will do. Raises Rejected for a stranger."""
    if member.isreg():
        if member.name == DATABASE:
            return manifest.database_sha256
        if member.name in KEYS and member.size <= MAX_KEY_BYTES:
            return None
        if original := _ORIGINAL.fullmatch(member.name):
            return original[2]
        if _TUNING.fullmatch(member.name) and member.name in manifest.tuning:
            return manifest.tuning[member.name]
    raise Rejected(f"The file is not a backup: it holds {member.name!r}.")


def _target(root: Path, name: str) -> Path:
    target = root / (f"{DATABASE}.new" if name == DATABASE else name)
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _copied(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path | None) -> str:
    digest, source, left = hashlib.sha256(), _data(tar, member), member.size
    with _created(target) as file:
        while piece := source.read(PIECE_BYTES):
            digest.update(piece)
            left -= len(piece)
            if file is not None:
                file.write(piece)
    if left:
        raise Rejected("The backup is cut off. Make it again, or use another copy of it.")
    return digest.hexdigest()


@contextmanager
def _created(target: Path | None) -> Iterator[IO[bytes] | None]:
    if target is None:
        yield None
        return
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        yield file


def _data(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    data = tar.extractfile(member)
    if data is None:
        raise Rejected(f"The file is not a backup: {member.name!r} is not a file in it.")
    return data


def _empty(root: Path) -> None:
    for path in root.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
