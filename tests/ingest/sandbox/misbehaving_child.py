"""A reader process whose readers do what hostile files make real ones do, for sandbox tests."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from typing import BinaryIO

from ingest.readers import READERS
from ingest.sandbox.reader_child import serve
from ingest.types import Extraction, ReadOptions
from kb.types import Page


def _sleeps(source: BinaryIO, options: ReadOptions) -> Extraction:
    time.sleep(60)
    return _says("too late")


def _eats_memory(source: BinaryIO, options: ReadOptions) -> Extraction:
    return _says("x" * (4 * 1024**3))


def _dies(source: BinaryIO, options: ReadOptions) -> Extraction:
    os.abort()


def _dies_when_used(source: BinaryIO, options: ReadOptions) -> Extraction:
    if _documents_read:
        os.abort()
    return _says("fresh")


def _good(source: BinaryIO, options: ReadOptions) -> Extraction:
    _documents_read.append(1)
    return READERS["text/plain"](source, options)


_documents_read: list[int] = []


def _raises(source: BinaryIO, options: ReadOptions) -> Extraction:
    raise ZeroDivisionError


def _talks(source: BinaryIO, options: ReadOptions) -> Extraction:
    print("stray words", flush=True)
    os.write(1, b"stray bytes")
    subprocess.run(["echo", "words of a child of the child"], check=False)
    return _says(f"pid {os.getpid()}")


def _floods(source: BinaryIO, options: ReadOptions) -> Extraction:
    return _says("x" * (options.max_characters + 1))


def _writes(source: BinaryIO, options: ReadOptions) -> Extraction:
    with open(source.read().decode(), "wb") as file:
        file.write(b"x")
    return _says("written")


def _looks_around(source: BinaryIO, options: ReadOptions) -> Extraction:
    limits = [resource.getrlimit(what)[0] for what in (resource.RLIMIT_AS, resource.RLIMIT_CORE)]
    return _says(f"{limits} {sorted(os.environ)}")


def _says(text: str) -> Extraction:
    return Extraction((Page(1, text),), (), None, None, "misbehaving")


if __name__ == "__main__":
    serve(
        *map(int, sys.argv[1:]),
        {
            **READERS,
            "test/sleep": _sleeps,
            "test/memory": _eats_memory,
            "test/die": _dies,
            "test/die-when-used": _dies_when_used,
            "text/plain": _good,
            "test/raise": _raises,
            "test/talk": _talks,
            "test/flood": _floods,
            "test/write": _writes,
            "test/look": _looks_around,
        },
    )
