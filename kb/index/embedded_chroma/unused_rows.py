"""Empties the rows of a graph file that hold no vector.

The graph library asks for memory for more rows than it has, does not clear it, and writes all of
it: what this process had in that memory before, be it a vector that was deleted or a key, would lie
in the file (seen in 2 of 12 indexes that were made anew after a deletion). Reading a graph looks at
the first rows only, so the others can be overwritten while it is closed.
"""

from __future__ import annotations

import struct
from pathlib import Path

# How hnswlib's header begins, as Chroma writes it: version, offset of the lowest level, capacity,
# rows in use, bytes per row.
_HEADER = struct.Struct("<iQQQQ")
LENGTH_BYTES = 4
PIECE_BYTES = 1 << 20


def empty_unused_rows(index: Path) -> None:
    """Write zeros behind the rows in use of every graph of a closed index.

    Files that do not fit together are left alone: opening them reports the damage.
    """
    for header in index.glob("*/header.bin"):
        try:
            _, _, capacity, used, row_bytes = _HEADER.unpack(header.read_bytes()[: _HEADER.size])
        except struct.error:
            continue
        if used <= capacity:
            _empty(header.with_name("data_level0.bin"), used * row_bytes, capacity * row_bytes)
            _empty(header.with_name("length.bin"), used * LENGTH_BYTES, capacity * LENGTH_BYTES)


def _empty(path: Path, start: int, end: int) -> None:
    if not path.is_file() or path.stat().st_size != end:
        return
    with path.open("r+b") as file:
        file.seek(start)
        for position in range(start, end, PIECE_BYTES):
            file.write(bytes(min(PIECE_BYTES, end - position)))
