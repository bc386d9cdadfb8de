"""Whether the server lives, whether it is ready, and its numbers."""

from __future__ import annotations

from collections import Counter

from fastapi import APIRouter
from pydantic import MISSING
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from api.deps import KB, AdminScope
from api.http.metrics import Family, RequestCounts, exposition
from api.resources.operation.responses import HealthResponse, ReadinessResponse
from api.threads import read
from kb.chat.ask.chat_models import NO_DEFAULT
from kb.knowledge_base import KnowledgeBase
from kb.store.content import datasets, documents
from kb.store.engine.database import Transaction
from kb.store.work import jobs
from kb.types import Scope
from kb.version import version

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> HealthResponse:
    """The process answers, and says its version."""
    return HealthResponse(version=version())


@router.get("/readyz", responses={503: {"model": ReadinessResponse}})
async def readyz(kb: KB, response: Response) -> ReadinessResponse:
    """Models are loaded and stores are open."""
    checks = await readiness(kb)
    ready = all(checks.values())
    response.status_code = 200 if ready else 503
    return ReadinessResponse(
        status="ready" if ready else "starting",
        checks=checks,
        indexes_unchecked=len(kb.index_health.unchecked()),
        indexes_damaged=len(kb.index_health.damaged()),
        advice=NO_DEFAULT if kb.chat_models.default.name is None else MISSING,
    )


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request, kb: KB, scope: AdminScope) -> PlainTextResponse:
    """Numbers in Prometheus' text format."""
    by_status, waiting = await read(kb, _stored, scope)
    counts: RequestCounts = request.state.counts
    documents_by_status = [({"status": key}, n) for key, n in sorted(by_status.items())]
    text = exposition(
        [
            ("kb_requests_total", "counter", "Requests answered.", counts.samples()),
            ("kb_runs_active", "gauge", "Answers in progress.", [({}, kb.chat.runs.active)]),
            ("kb_documents", "gauge", "Documents by status.", documents_by_status),
            *_of_models(kb),
            ("kb_lost_files", "gauge", "Files in lost/.", [({}, len(kb.folder.lost_files()))]),
            ("kb_jobs_waiting", "gauge", "Documents that wait for indexing.", [({}, waiting)]),
        ]
    )
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


async def readiness(kb: KnowledgeBase) -> dict[str, bool]:
    """Part → whether it can serve requests."""
    return {
        "database": await read(kb, jobs.waiting) >= 0,
        "embedder": kb.embedder.dimensions > 0,
    }


def _of_models(kb: KnowledgeBase) -> list[Family]:
    health = sorted(kb.chat_models.health().items())
    answers = [({"model": name}, one.answers) for name, one in health]
    failures = [({"model": name}, one.failures) for name, one in health]
    left_alone = [({"model": name}, int(one.circuit != "closed")) for name, one in health]
    return [
        ("kb_model_answers_total", "counter", "Answers of language models.", answers),
        ("kb_model_failures_total", "counter", "Failures of language models.", failures),
        ("kb_model_circuit_open", "gauge", "Models left alone after failures.", left_alone),
    ]


def _stored(tx: Transaction, scope: Scope) -> tuple[Counter[str], int]:
    by_status: Counter[str] = Counter()
    for dataset in datasets.every(tx, scope):
        by_status.update(documents.counts(tx, scope, dataset.id))
    return by_status, jobs.waiting(tx)
