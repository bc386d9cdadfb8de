"""What it costs to keep originals in a bucket instead of a folder.

    python -m bench.cluster.originals [--files 400] [--sizes 20000 2000000 50000000]

Files of each size are kept as uploads keep them, some at a time, then read as a worker of another
machine reads them (fetched and checked), and read again. The bucket is SeaweedFS on this machine,
so a network comes on top. SQLite has the rows of both.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measuring import table
from kb.files.folder_originals import FolderOriginals
from kb.files.originals import Originals
from kb.files.s3.originals import BucketOriginals
from kb.iteration import batched
from kb.store.engine.sqlite import SqliteDatabase
from tests.s3_server import S3Server

AT_ONCE = 20
BYTES = 400_000_000
"""Of one size at most."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20_000, 2_000_000, 50_000_000])
    chosen = parser.parse_args()
    rows: list[list[str]] = []
    with tempfile.TemporaryDirectory(prefix="originals-") as name:
        server, database = S3Server(Path(name)), SqliteDatabase(Path(name) / "kb.db")
        try:
            for size in chosen.sizes:
                number = max(4, min(chosen.files, BYTES // size))
                rows += compared(Path(name) / str(size), server, database, size, number)
        finally:
            database.close()
            server.kill()
    columns = ["store", "bytes", "files", "keep ms", "read elsewhere ms", "read again ms"]
    print(table("Originals: milliseconds per file", columns, rows))


def compared(
    root: Path, server: S3Server, database: SqliteDatabase, size: int, number: int
) -> Iterator[list[str]]:
    """The row of a folder, and that of a bucket with two machines over it."""
    folder, bucket = FolderOriginals(root / "originals"), server.bucket()
    yield measured("folder", size, number, database, folder, folder)
    machines = (
        BucketOriginals(bucket, database, root / place, "one", cache_bytes=BYTES)
        for place in ("here", "there")
    )
    yield measured("bucket", size, number, database, *machines)


def measured(
    name: str,
    size: int,
    number: int,
    database: SqliteDatabase,
    here: Originals,
    there: Originals,
) -> list[str]:
    """Milliseconds per file: kept, read on another machine, read there again."""
    hashes: list[str] = []
    began = time.perf_counter()
    for part in batched(range(number), AT_ONCE):
        staged = [here.stage([os.urandom(size)], max_bytes=size) for _ in part]
        sent = here.send(staged)
        with database.write() as tx:
            here.adopt(tx, sent)
        hashes += [item.sha256 for item in staged]
    steps = [time.perf_counter() - began]
    for _ in range(2):
        began = time.perf_counter()
        for sha256 in hashes:
            with there.path(sha256).open("rb") as file:
                file.read()
        steps.append(time.perf_counter() - began)
    return [name, f"{size:,}", str(number), *(f"{1000 * step / number:.2f}" for step in steps)]


if __name__ == "__main__":
    main()
