"""Whether the server lives, and whether it is ready."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from anyio import move_on_after, to_thread
from fastapi import APIRouter
from pydantic import MISSING
from starlette.responses import Response

from api.deps import KB
from api.resources.operation.responses import HealthResponse, ReadinessResponse
from kb.chat.ask.chat_models import NO_DEFAULT
from kb.errors import DatabaseUnavailable
from kb.index.keyword_copies.node import KeywordCopies
from kb.knowledge_base import KnowledgeBase
from kb.store.work import jobs
from kb.version import version

ANSWER_S = 3.0
"""For the database; whoever asks whether we are ready gives up soon."""

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
    checks |= kb.servers.reached  # what it cannot reach, it does without for a while
    response.status_code = 200 if ready else 503
    return ReadinessResponse(
        status="ready" if ready else "starting",
        checks=checks,
        indexes_unchecked=len(kb.index_health.unchecked()),
        indexes_damaged=len(kb.index_health.damaged()),
        away={"embedder": kb.embedder.away} if kb.embedder.away else MISSING,
        advice=NO_DEFAULT if kb.chat_models.default.name is None else MISSING,
    )


async def readiness(kb: KnowledgeBase) -> dict[str, bool]:
    """Part → whether it can serve requests."""
    checks = {"database": False, "embedder": True}  # opened; one on another machine may be away
    with suppress(DatabaseUnavailable), move_on_after(ANSWER_S):
        look = partial(kb.database.reading, jobs.waiting)
        await to_thread.run_sync(look, abandon_on_cancel=True)  # a silent server ends it later
        checks["database"] = True
    if isinstance(kb.keywords, KeywordCopies):  # else the first searches would read all chunks
        checks["keywords"] = not kb.keywords.is_filling
    return checks
