"""The process in which one reader runs: takes requests from stdin, answers on stdout, until EOF.

Start it with `python -m ingest.sandbox.reader_child MEMORY_BYTES`; `reader_process.py` does. It
limits itself before it reads a byte of a file. What readers print goes nowhere, so it cannot
be taken for an answer. It ends when its parent does: a thread waits for the end of stdin.
"""

from __future__ import annotations

import json
import os
import queue
import resource
import sys
import threading
from collections.abc import Mapping
from typing import Any, BinaryIO

from ingest.readers import READERS
from ingest.sandbox import wire
from ingest.types import Reader, ReadOptions
from kb.errors import KnowledgeBaseError

_OPEN_FILES = 64
_SPARE_CPU_S = 2
_OCR_SHARE = 0.7
"""Share of a document's time after which OCR stops, so that what was read is not lost with it."""


def serve(memory_bytes: int, readers: Mapping[str, Reader] = READERS) -> None:
    """Answer requests one after another; returns never, ends with the process."""
    requests, answers = _take_over_pipes()
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(requests, inbox), daemon=True).start()
    while True:
        answer = _answer(json.loads(inbox.get()), readers)
        wire.write_frame(answers, answer)


def _take_over_pipes() -> tuple[BinaryIO, BinaryIO]:
    """The two pipes under descriptors of their own; 0 and 1 lead nowhere from now on."""
    requests = os.fdopen(os.dup(0), "rb", buffering=0)
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    return requests, answers


def _receive(requests: BinaryIO, inbox: queue.SimpleQueue[bytes]) -> None:
    while True:
        frame = wire.read_frame(requests)
        if frame is None:
            os._exit(0)
        inbox.put(frame)


def _answer(request: Mapping[str, Any], readers: Mapping[str, Reader]) -> bytes:
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = int(used.ru_utime + used.ru_stime + request["timeout_s"]) + _SPARE_CPU_S
    # The hard limit stays, so that the next job may raise the soft one again.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, resource.RLIM_INFINITY))
    options = ReadOptions(
        encoding=request["encoding"],
        max_characters=request["max_characters"],
        ocr_languages=request["ocr_languages"],
        ocr_seconds=request["timeout_s"] * _OCR_SHARE,
    )
    try:
        with open(request["path"], "rb") as source:
            return wire.encode_extraction(readers[request["media_type"]](source, options))
    except KnowledgeBaseError as exc:
        return wire.encode_failure(exc.code, exc.detail)
    except MemoryError:
        return wire.encode_failure("read_memory", wire.OUT_OF_MEMORY)
    except Exception as exc:  # the edge of a job: a reader fed with hostile bytes raises anything
        return wire.encode_failure("reader_crashed", wire.CRASHED.format(type(exc).__name__))


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (bounded, bounded))


if __name__ == "__main__":
    serve(int(sys.argv[1]))
