"""Looks for some bytes in every file of a data folder, in a child process.

A process that closes a file gives up all its locks on it, also those that SQLite holds through
another handle (sqlite.org/howtocorrupt.html, 2.2). The next stranger that closed the database would
then remove the log into which this process goes on to write.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kb.child_process import import_path, module_command
from kb.files.folder import DataFolder

PIECE_BYTES = 1 << 20
UNSCANNED = ("models", "originals", "lost", "tuning")
"""Models hold no documents. Originals are checked by name: those of others may hold the same.
What is lost was never known, and is for people to look at. Training rows are files of their own,
and what a model has learnt of them goes with its job."""


@dataclass(frozen=True, slots=True)
class Scan:
    """How many files were read, and sample → the files in which it stands."""

    files: int
    found: Mapping[bytes, tuple[Path, ...]]


def scan(folder: DataFolder, samples: Sequence[bytes]) -> Scan:
    """Look for samples in all their forms."""
    wanted = [(form, sample) for sample in samples for form in forms(sample)]
    child = subprocess.run(
        module_command("kb.upkeep.byte_scan", str(folder.root.resolve())),
        input=json.dumps([b64encode(form).decode() for form, _ in wanted]).encode(),
        stdout=subprocess.PIPE,
        cwd="/",
        env={**os.environ, "PYTHONPATH": import_path()},
        check=True,
    )
    files, seen = json.loads(child.stdout)
    found: dict[bytes, set[Path]] = {}
    for (_, sample), paths in zip(wanted, seen, strict=True):
        if paths:
            found.setdefault(sample, set()).update(folder.root / path for path in paths)
    return Scan(files, {sample: tuple(sorted(paths)) for sample, paths in found.items()})


def forms(sample: bytes) -> list[bytes]:
    """The bytes as they are and, if they are text, as UTF-16 and as JSON writes it."""
    try:
        text = sample.decode()
    except UnicodeDecodeError:  # of a vector
        return [sample]
    return [sample, text.encode("utf-16-le"), json.dumps(text)[1:-1].encode()]


def _files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        is_staged = parts[:2] == ("originals", "staging")
        if path.is_file() and (is_staged or parts[0] not in UNSCANNED):
            yield path


def _found_in(path: Path, wanted: Collection[bytes]) -> set[bytes]:
    """Those of some bytes that stand in a file, which may vanish meanwhile."""
    overlap = max(map(len, wanted), default=1) - 1
    found: set[bytes] = set()
    tail = b""
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE_BYTES):
                whole = tail + piece
                found.update(form for form in wanted if form in whole)
                tail = whole[-overlap:] if overlap else b""
    except FileNotFoundError:
        return found
    return found


def main() -> None:
    """The child: how many files there are, and for each form those in which it stands."""
    root = Path(sys.argv[1])
    wanted = [b64decode(form) for form in json.load(sys.stdin)]
    found: dict[bytes, list[str]] = {form: [] for form in wanted}
    files = 0
    for path in _files(root):
        files += 1
        for form in _found_in(path, found):
            found[form].append(str(path.relative_to(root)))
    json.dump([files, [found[form] for form in wanted]], sys.stdout)


if __name__ == "__main__":
    main()
