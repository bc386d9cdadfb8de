"""What `/metrics` says: the numbers of the process, and what is looked up when somebody asks."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter
from prometheus_client import REGISTRY, CollectorRegistry, Gauge, generate_latest
from starlette.responses import PlainTextResponse

from api.deps import KB, MetricsScope
from api.threads import in_thread, read
from kb.errors import StorageUnavailable
from kb.knowledge_base import KnowledgeBase
from kb.store.content import datasets, documents
from kb.store.engine.database import Transaction
from kb.store.work import jobs
from kb.types import Scope

router = APIRouter(tags=["health"])

SIZE_KEPT_S = 300
"""The files of a large folder are too many to be looked at by every scrape."""


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(kb: KB, scope: MetricsScope) -> PlainTextResponse:
    """Numbers in Prometheus' text format."""
    text = await in_thread(_exposition, kb, *await read(kb, _stored))
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


def _stored(tx: Transaction) -> tuple[Mapping[str, int], int]:
    """Documents by status, and how many wait to be indexed."""
    by_status: Counter[str] = Counter()
    for dataset in datasets.every(tx, Scope.admin()):
        by_status.update(documents.counts(tx, Scope.admin(), dataset.id))
    return by_status, jobs.waiting(tx)


def _exposition(kb: KnowledgeBase, by_status: Mapping[str, int], waiting: int) -> bytes:
    now = CollectorRegistry()

    def gauge(name: str, meaning: str, value: float) -> None:
        Gauge(name, meaning, registry=now).set(value)

    def gauges(name: str, meaning: str, label: str, values: Mapping[str, float]) -> None:
        family = Gauge(name, meaning, [label], registry=now)
        for key, value in values.items():
            family.labels(key).set(value)

    runs, root, health = kb.chat.runs, kb.folder.root, kb.chat_models.health().items()
    gauge("kb_runs_active", "Answers in progress.", runs.active)
    gauge("kb_streams_open", "Their readers.", sum(run.subscribers for run in runs.in_progress))
    gauges("kb_documents", "Documents by status.", "status", by_status)
    gauge("kb_jobs_waiting", "Documents that wait for indexing.", waiting)
    gauge("kb_disk_free_bytes", "Free on the disk of the data.", shutil.disk_usage(root).free)
    gauge("kb_data_bytes", "Files of the data.", _size_bytes(root, int(time.time() / SIZE_KEPT_S)))
    with suppress(StorageUnavailable):  # `kb_server_reached` says so
        gauge("kb_lost_files", "Files in lost/.", len(list(kb.originals.lost())))
    gauge("kb_embedder_away", "1: the embedder does not answer.", kb.embedder.away is not None)
    reached = {kept: float(is_reached) for kept, is_reached in kb.servers.reached.items()}
    gauges("kb_server_reached", "Whether a server of a cluster answers.", "keeps", reached)
    left_alone = {name: one.circuit != "closed" for name, one in health}
    gauges("kb_model_circuit_open", "Models left alone after failures.", "model", left_alone)
    return generate_latest(REGISTRY) + generate_latest(now)


@lru_cache(maxsize=8)
def _size_bytes(root: Path, _period: int) -> int:
    size = 0
    for folder, _, names in os.walk(root):
        for name in names:
            with suppress(FileNotFoundError):  # a partial upload or an index that has just gone
                size += Path(folder, name).stat().st_size
    return size
