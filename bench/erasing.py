"""How long an erasure keeps others from writing: one tiny write after the other, all the while.

    python -m bench.erasing --messages 100000

A folder gets that many stored answers of 5 kB; one in twenty rests on a document that is deleted
then. The longest and the middle wait of a write are printed, before the erasure and during it.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import insert

from kb.ids import now
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.settings import EmbeddingSettings, MaintenanceSettings, Settings
from kb.store.engine import dialect, schema
from kb.types import Route, Scope, Usage
from tests.parts import ingest, publish

ADMIN = Scope.admin()
WORDS = 700
ROWS_AT_ONCE = 1000
QUOTED_EVERY = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--messages", type=int, default=100_000)
    number = parser.parse_args().messages
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder) / "data",
            embedding=EmbeddingSettings(model="hash"),
            maintenance=MaintenanceSettings(erase_after_s=900),
        )
        kb = open_kb(settings)
        try:
            measure(kb, number)
        finally:
            kb.close()


def measure(kb: KnowledgeBase, number: int) -> None:
    dataset_id = kb.create_dataset(ADMIN, "d").id
    told = " ".join(random.Random(1).choices(sentence_words(), k=WORDS))
    ids = ingest(kb, dataset_id, {"gone.md": told, "kept.md": "The harbour is calm."})
    store_answers(kb, number, ids["gone.md"], told)
    size_mib = kb.folder.database.stat().st_size >> 20
    with writes(kb) as waits_s:
        time.sleep(3)
    report("before", waits_s)
    kb.delete_document(ADMIN, ids["gone.md"])
    began = time.monotonic()
    with writes(kb) as waits_s:
        done = kb.erasing.run()
    report("during", waits_s)
    print(
        f"{number} answers, {size_mib} MiB, erased {done.erased}: {time.monotonic() - began:.1f} s"
    )


def sentence_words() -> list[str]:
    dice = random.Random(0)
    return ["".join(dice.choices("abcdefghijklmnop", k=6)) for _ in range(5000)]


def store_answers(kb: KnowledgeBase, number: int, gone: str, told: str) -> None:
    app_id = publish(kb, "desk").id
    moment, dice, words = now(), random.Random(2), sentence_words()
    talk = {
        "id": "conv_0",
        "workspace": "main",
        "app_id": app_id,
        "name": "",
        "created_at": moment,
    }
    with kb.database.write() as tx:
        tx.execute(insert(schema.conversations).values(**talk, updated_at=moment))
    for first in range(0, number, ROWS_AT_ONCE):
        rows = []
        for at in range(first, min(first + ROWS_AT_ONCE, number)):
            is_quoted = at % QUOTED_EVERY == 0
            text = told if is_quoted else " ".join(dice.choices(words, k=WORDS))
            source = {"document_id": gone if is_quoted else "doc_" + "0" * 28, "text": text}
            values = {"id": f"msg_{at:08}", "run_id": f"run_{at}", "answer": text[:400] + " [1]"}
            rows.append(values | {"sources": [{**source, "heading": ""}]})
        same = dict.fromkeys(("app_id", "app_slug", "query", "status"), "")
        same |= {"route": Route("base", "", ""), "usage": Usage(), "timings_ms": {}}
        same |= {"citations": (), "app_version": 1}
        same |= {"conversation_id": "conv_0", "created_at": moment}
        with kb.database.write() as tx:
            tx.execute(insert(schema.messages), [row | same for row in rows])


@contextmanager
def writes(kb: KnowledgeBase) -> Iterator[list[float]]:
    """Write all the while; yields the seconds that each write took."""
    waits_s: list[float] = []
    is_over = threading.Event()

    def go_on() -> None:
        while not is_over.wait(0.01):
            began = time.monotonic()
            with kb.database.write() as tx:
                dialect.upsert(tx, schema.marks, {"name": "b", "value": "b"}, replace=["value"])
            waits_s.append(time.monotonic() - began)

    thread = threading.Thread(target=go_on)
    thread.start()
    yield waits_s
    is_over.set()
    thread.join()


def report(when: str, waits_s: list[float]) -> None:
    middle_ms = statistics.median(waits_s) * 1000
    print(f"{when}: {len(waits_s)} writes, longest {max(waits_s):.3f} s, median {middle_ms:.1f} ms")


if __name__ == "__main__":
    main()
