"""A child that never comes to an end with texts that begin with `slow`."""

from __future__ import annotations

import sys
import time
from typing import BinaryIO

from ingest.readers import READERS
from ingest.sandbox.reader_child import serve
from ingest.types import Extraction, ReadOptions


def _text(source: BinaryIO, options: ReadOptions) -> Extraction:
    if source.read(4) == b"slow":
        time.sleep(3600)
    source.seek(0)
    return READERS["text/plain"](source, options)


if __name__ == "__main__":
    serve(*map(int, sys.argv[1:]), {**READERS, "text/plain": _text})
