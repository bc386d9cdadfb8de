"""The work that is broken off at every point, and how it is finished and looked at afterwards.

    python -m bench.crash.steps DATA_DIR DESCRIPTOR

is the child: it says on a socket what it was told, so that no `write` is added to those counted.
"""

from __future__ import annotations

import json
import logging
import random
import socket
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.crash.model import Ledger, Version
from ingest.intake.upload import UploadedFile, accept
from ingest.sandbox.reader_process import ReaderPool
from ingest.work import pipeline
from ingest.work.worker import Worker
from kb.errors import Conflict, KnowledgeBaseError
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.settings import EmbeddingSettings, IngestSettings, Settings
from kb.store.content import datasets, documents
from kb.store.engine.paging import PageRequest
from kb.store.work import batch_control
from kb.types import Dataset, Retrieval, Scope
from tests.parts import embed_and_store

ADMIN = Scope.admin()
IDLE_S = 60


def _versions(ledger: Ledger, *names: int) -> dict[str, Version | None]:
    rng = random.Random(0)
    return {f"w/{n}.md": ledger.write(rng, f"w/{n}.md") for n in names}


_writer = Ledger("w")
STEPS: tuple[Mapping[str, Version | None], ...] = (
    _versions(_writer, *range(6)),
    _versions(_writer, 2, 3, 6, 7, 8, 9),
    {"w/0.md": None},
)
"""Two uploads, the second of which replaces two documents, and a deletion."""


def ledger_after(acknowledged: int, refused: Mapping[int, str]) -> Ledger:
    """What can be relied on after so many acknowledged steps, in order, without the refused."""
    ledger = Ledger("w")
    done = [number for number in range(len(STEPS)) if number not in refused][:acknowledged]
    for number in done:
        ledger.begin(STEPS[number])
        ledger.acknowledge({})
    undecided = [number for number in range(len(STEPS)) if number not in done]
    if undecided:
        ledger.begin(STEPS[undecided[0]])
    return ledger


def settings(data: Path) -> Settings:
    """A folder without a model."""
    ingest = IngestSettings(max_attempts=20)
    embedding = EmbeddingSettings(model="hash")
    return Settings(data_dir=data, embedding=embedding, ingest=ingest, _env_file=None)


def finished(
    data: Path, markers: list[str]
) -> tuple[list[dict[str, Any]], list[str], dict[str, str]]:
    """Open a folder after the fault and let it finish.

    Returns its documents, what fsck does not like, and marker → name of the best hit.
    """
    kb = open_kb(settings(data))
    worker = Worker(kb)
    worker.start()
    try:
        listed = _settled(kb, worker)
        report = kb.fsck.run()
        dataset = _dataset(kb)
        found = {marker: _best(kb, dataset, marker) for marker in markers}
        return listed, [f"{v.code}: {v.detail}" for v in report.violations], found
    finally:
        worker.stop()
        kb.close()


def _settled(kb: KnowledgeBase, worker: Worker) -> list[dict[str, Any]]:
    """Documents once all is quiet; one whose reader was hit by the fault is tried again."""
    worker.wait_idle(IDLE_S)
    for item in _listed(kb):
        if item["status"] == "failed":
            kb.database.writing(batch_control.retry_document, ADMIN, item["id"])
    worker.wait_idle(IDLE_S)
    return _listed(kb)


def _listed(kb: KnowledgeBase) -> list[dict[str, Any]]:
    dataset = _dataset(kb)
    page = kb.database.reading(documents.page, ADMIN, dataset.id, PageRequest(200))
    return [asdict(item) for item in page.data]


def _best(kb: KnowledgeBase, dataset: Dataset, marker: str) -> str:
    retrieval = Retrieval(top_k=1, mode="keyword")
    hits = kb.searcher.search(ADMIN, [dataset.id], marker, retrieval).hits
    return hits[0].document_name if hits else ""


def _dataset(kb: KnowledgeBase) -> Dataset:
    try:
        return kb.create_dataset(ADMIN, "d")
    except Conflict:
        return kb.database.reading(datasets.every, ADMIN)[0]


def _take(kb: KnowledgeBase, dataset: Dataset, step: Mapping[str, Version | None]) -> None:
    uploads = [version for version in step.values() if version is not None]
    if uploads:
        staged = [kb.originals.stage([v.text], max_bytes=10**6) for v in uploads]
        incoming = [UploadedFile(v.name, item) for v, item in zip(uploads, staged, strict=True)]
        accept(kb, ADMIN, dataset.id, incoming)
    ids = {item["name"]: item["id"] for item in _listed(kb)}
    for name, version in step.items():
        if version is None:
            kb.delete_document(ADMIN, ids.get(name, "doc_never_accepted"))


def _index(kb: KnowledgeBase, readers: ReaderPool) -> None:
    while claimed := pipeline.claim(kb, "index", 4):
        for job in claimed:
            prepared = pipeline.prepare(kb, readers, job)
            embed_and_store(kb, [prepared], lambda: False)
    kb.applier.drain()


def main() -> None:
    """The child."""
    logging.disable()
    told = socket.socket(fileno=int(sys.argv[2]))

    def tell(**line: Any) -> None:
        told.sendall(json.dumps(line).encode() + b"\n")

    try:
        kb = open_kb(settings(Path(sys.argv[1])))
        kb.applier.stop()  # everything in this thread
        readers = ReaderPool.with_limits(kb.settings.ingest)
        dataset = _dataset(kb)
    except Exception as exc:
        tell(broken=f"{type(exc).__module__}.{type(exc).__name__}: {exc}"[:300])
        sys.exit(1)
    for number, step in enumerate(STEPS):
        try:
            _take(kb, dataset, step)
            tell(acknowledged=number)
        except Exception as exc:
            kind = "kb." if isinstance(exc, KnowledgeBaseError) else ""
            tell(step=number, refused=f"{kind}{type(exc).__name__}: {exc}"[:300])
        try:
            _index(kb, readers)
        except Exception as exc:
            tell(broken=f"{type(exc).__module__}.{type(exc).__name__}: {exc}"[:300])
    readers.close()
    try:
        kb.close()
    except Exception as exc:
        tell(broken=f"{type(exc).__module__}.{type(exc).__name__}: {exc}"[:300])


if __name__ == "__main__":
    main()
