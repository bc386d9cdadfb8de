"""The process in which files are read, cleaned and split: takes tasks from a connection and answers
on it, until its other end is closed.

Start it with `python -m ingest.sandbox.reader_child MEMORY_BYTES DESCRIPTOR`; `child.py` does. It
limits itself before it reads a byte of a file, and says so with an empty frame. What readers print
goes nowhere. It ends when its parent does: a thread waits for the end of the connection.
"""

from __future__ import annotations

import json
import os
import queue
import resource
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

from ingest.clean import patterns
from ingest.readers import READERS
from ingest.sandbox import wire
from ingest.sandbox.processing import process
from ingest.sandbox.unpacking import Unpacking
from ingest.types import Extraction, Reader, ReadOptions
from kb.background import be_patient
from kb.errors import KnowledgeBaseError
from kb.models.embed.tokenizer import open_tokenizer
from kb.protocols import PortableTokenizer
from kb.types import Processing, SplitOptions

_OPEN_FILES = 64
_SPARE_CPU_S = 2
_OCR_SHARE = 0.7
"""Share of a document's time after which OCR stops, so that what was read is not lost with it."""

Task = Mapping[str, Any]
Inbox = queue.SimpleQueue[bytes]
_tokenizers: list[PortableTokenizer] = []
"""In the order in which they came; tasks name them by their place."""


def serve(memory_bytes: int, descriptor: int, readers: Mapping[str, Reader] = READERS) -> None:
    """Work on one task after another; returns never, ends with the process."""
    os.set_inheritable(descriptor, False)
    connection = Connection(descriptor)
    be_patient()
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    inbox: Inbox = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(connection, inbox), daemon=True).start()
    connection.send_bytes(b"")
    while True:
        for frame in _answer(json.loads(inbox.get()), inbox, readers):
            connection.send_bytes(frame)


def _receive(connection: Connection, inbox: Inbox) -> None:
    while True:
        try:
            inbox.put(connection.recv_bytes())
        except (EOFError, OSError):
            os._exit(0)


def _answer(task: Task, inbox: Inbox, readers: Mapping[str, Reader]) -> Iterator[bytes]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = int(used.ru_utime + used.ru_stime + task["timeout_s"]) + _SPARE_CPU_S
    # The hard limit stays, so that the next task may raise the soft one again.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, resource.RLIM_INFINITY))
    try:
        if "patterns" in task:
            patterns.find(task["patterns"], [""])
            yield wire.encode({"end": {}})
        else:
            yield from _document(task, inbox, readers)
    except KnowledgeBaseError as exc:
        yield wire.encode_failure(exc.code, exc.detail)
    except MemoryError:
        yield wire.encode_failure("read_memory", wire.OUT_OF_MEMORY)
    except Exception as exc:  # the edge of a job: a reader fed with hostile bytes raises anything
        yield wire.encode_failure("reader_crashed", wire.CRASHED.format(type(exc).__name__))


def _document(task: Task, inbox: Inbox, readers: Mapping[str, Reader]) -> Iterator[bytes]:
    plan, began = task["plan"], time.perf_counter()
    if "spelled" in task:
        _tokenizers.append(open_tokenizer(task["spelled"]))
    is_read = task["path"] is not None
    extraction = _read(task, readers) if is_read else _received(inbox)
    read_s = time.perf_counter() - began if is_read else None
    processed = None
    if plan is not None:
        processing = plan.pop("processing")
        processing["split"] = SplitOptions(**processing["split"])
        shown = plan.pop("shown")
        chosen, tokenizer = Processing(**processing), _tokenizers[task["tokenizer"]]
        processed = process(extraction, chosen, tokenizer, read_s=read_s, **plan)
        first = processed.chunks if shown is None else processed.chunks[:shown]
        processed = replace(processed, removals=processed.removals[: shown or 0], chunks=first)
    yield from wire.encode_document(extraction, processed, is_known=not is_read)


def _read(task: Task, readers: Mapping[str, Reader]) -> Extraction:
    options = ReadOptions(
        encoding=task["encoding"],
        max_characters=task["max_characters"],
        ocr_languages=task["ocr_languages"],
        ocr_seconds=task["timeout_s"] * _OCR_SHARE,
    )
    with open(task["path"], "rb") as source:
        return readers[task["media_type"]](source, options)


def _received(inbox: Inbox) -> Extraction:
    unpacking = Unpacking(most_characters=sys.maxsize, most_bytes=sys.maxsize)
    while not unpacking.take(inbox.get()):
        pass
    return unpacking.extraction()


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    bounded = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(what, (bounded, bounded))


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
