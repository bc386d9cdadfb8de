"""Turns what an index library throws into our own errors.

The libraries answer torn files, full disks and wrong dimensions with the same few types and, when
the disk is full, with words that do not say so; and a Rust panic arrives as a `BaseException`
that would end the calling thread.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kb.errors import IndexDamaged, StorageFull
from kb.protocols import IndexKey

# With less room than this a failed write is put down to the disk: a rebuild, the answer to damage,
# would remove the index and then fail for want of room. Merging one segment needs about as much.
LEAST_FREE_BYTES = 32 * 1024 * 1024
# The module that PyO3 names for panics; the type itself cannot be imported.
_PANIC_MODULE = "pyo3_runtime"
_DISK_FULL = ("no space left", "disk is full", "quota exceeded")


@contextmanager
def reporting_damage(
    kind: str, key: IndexKey, errors: tuple[type[Exception], ...], *, root: Path
) -> Iterator[None]:
    """Raise StorageFull or IndexDamaged for the given errors, I/O errors and panics inside."""
    expected: tuple[type[Exception], ...] = (*errors, OSError)
    try:
        yield
    except expected as exc:
        raise _translated(kind, key, exc, root) from exc
    except BaseException as exc:
        if type(exc).__module__ != _PANIC_MODULE:
            raise
        raise _translated(kind, key, exc, root) from exc


def _translated(
    kind: str, key: IndexKey, exc: BaseException, root: Path
) -> IndexDamaged | StorageFull:
    says_full = any(sign in str(exc).lower() for sign in _DISK_FULL)
    if says_full or shutil.disk_usage(root).free < LEAST_FREE_BYTES:
        return StorageFull(
            "The disk that holds the data folder is full. Make room; indexing then goes on."
        )
    return IndexDamaged(kind, key.dataset_id, key.generation)
