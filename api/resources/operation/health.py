"""Whether the server lives, and whether it is ready."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import MISSING
from starlette.responses import Response

from api.deps import KB
from api.resources.operation.responses import HealthResponse, ReadinessResponse
from api.threads import read
from kb.chat.ask.chat_models import NO_DEFAULT
from kb.knowledge_base import KnowledgeBase
from kb.store.work import jobs
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


async def readiness(kb: KnowledgeBase) -> dict[str, bool]:
    """Part → whether it can serve requests."""
    return {
        "database": await read(kb, jobs.waiting) >= 0,
        "embedder": kb.embedder.dimensions > 0,
    }
