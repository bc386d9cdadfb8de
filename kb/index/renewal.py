"""An index made anew beside the present one, which answers until the new one takes its place.

Index libraries keep deleted entries in their files for an unknown time. A new folder holds only
what it was fed, so what was deleted is gone with the old one.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path


@contextmanager
def renewed(path: Path, closed: Callable[[], AbstractContextManager[None]]) -> Iterator[Path]:
    """A new folder to fill, which replaces the one at `path` when the block ends well.

    It need not be made: then there is none afterwards. A process that dies between the two steps
    leaves no index; after an unclean stop it is found missing and rebuilt.

    Args:
        path: the folder of the index.
        closed: closes the index, and keeps it closed inside the block.
    """
    new = _beside(path)
    shutil.rmtree(new, ignore_errors=True)  # of a process that died
    try:
        yield new
        with closed():
            with suppress(FileNotFoundError):
                shutil.rmtree(path)
            if new.is_dir():
                new.rename(path)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def remove(path: Path) -> None:
    """Remove a closed index from disk, with what a process that died left beside it."""
    for folder in (path, _beside(path)):
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)
    with suppress(OSError):  # the other index of the generation may still live there
        path.parent.rmdir()


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")
