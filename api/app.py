"""`create_app`: the application around one knowledge base. There is no application at import.

Everything that lives as long as the server is made in the lifespan and reaches the endpoints as
`request.state`; tests call `create_app(kb=…)` and override nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import anyio
from fastapi import Depends, FastAPI
from fastapi.middleware import Middleware
from starlette.routing import Route
from starlette.staticfiles import StaticFiles
from starlette.types import Lifespan

from api import errors
from api.auth import METRICS, Authentication, is_open
from api.deps import AppState, check_query
from api.dialects.ai_sdk.dialect import AI_SDK
from api.dialects.dify.dialect import DIFY
from api.dialects.envelopes import Envelopes
from api.dialects.mcp import endpoint as mcp
from api.dialects.openai.dialect import OPENAI
from api.http.connections import UnknownConnections
from api.http.cors import CrossOrigin
from api.http.middleware import BodyGuard, RequestEnvelope
from api.openapi.document import DescribedApi
from api.resources.apps import apps, models
from api.resources.chat import chat, conversations, feedback, fixed_answers, formulas, review
from api.resources.datasets import batches, datasets, documents, generations, previews
from api.resources.evaluation import question_sets
from api.resources.evaluation import runs as evaluation_runs
from api.resources.operation import health, keys, maintenance, metrics, pages, session, webhooks
from api.resources.tuning import jobs as tuning_jobs
from api.resources.tuning import publishing, rollouts, training_sets
from api.revocation import watch_revocations
from api.threads import in_thread
from api.upload_locks import UploadLocks
from api.uploads import resumable
from eval.served.worker import EvaluationWorker
from ingest.intake.files import delete_expired
from ingest.intake.resumable import ResumableUploads
from ingest.work.demo import ensure_demo
from ingest.work.engine import local_engine, local_readers
from ingest.work.worker import Worker
from kb.apps.rollout.watching import RolloutWatcher
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.settings import Settings, load_settings
from kb.version import version
from kb.webhooks.sending import Sender
from tune.jobs.worker import TuningWorker

ROUTERS = (
    health,
    metrics,
    session,
    pages,
    keys,
    datasets,
    generations,
    documents,
    previews,
    batches,
    models,
    apps,
    conversations,
    feedback,
    fixed_answers,
    formulas,
    review,
    webhooks,
    question_sets,
    evaluation_runs,
    training_sets,
    publishing,
    rollouts,
    tuning_jobs,
    maintenance,
    resumable,
)

DIALECTS = (OPENAI, DIFY, AI_SDK)

TELEMETRY = {"auto_configure": False, "metrics": False, "logs": False, "operation_spans": False}
"""Of what FastAPI can tell OpenTelemetry, the spans of requests, and only where they are sent."""

SWEEP_S = 3600.0

logger = logging.getLogger(__name__)


def create_app(
    settings: Settings | None = None,
    *,
    kb: KnowledgeBase | None = None,
    demo: bool = False,
    ingests: bool = True,
) -> FastAPI:
    """The application.

    Args:
        settings: read from the environment if neither they nor `kb` are given.
        kb: an open knowledge base, which its owner closes; without it the lifespan opens one.
        demo: whether the demo knowledge base is made.
        ingests: whether documents are indexed here, and not by workers alone.
    """
    chosen = settings or (kb.settings if kb else load_settings())

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[AppState]:
        opened: KnowledgeBase = kb if kb is not None else await in_thread(open_kb, chosen)
        try:
            async with _running(opened, demo=demo, ingests=ingests) as state:
                yield state
        finally:
            if kb is None:
                await in_thread(opened.close)

    app = _application(chosen, lifespan)
    _add_routes(app)
    return app


def create_worker_app(kb: KnowledgeBase) -> FastAPI:
    """What a worker answers: whether it lives and is ready, and its numbers."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
        unknown = UnknownConnections(kb.settings.server.proxies)
        yield {"kb": kb, "closing": anyio.Event(), "unknown": unknown}

    app = _application(kb.settings, lifespan)
    for module in (health, metrics):
        app.include_router(module.router)
    return app


def _application(settings: Settings, lifespan: Lifespan[FastAPI]) -> FastAPI:
    envelopes = {each.prefix: each.envelope for each in DIALECTS} | {mcp.PATH: mcp.envelope}
    app = DescribedApi(
        title="Knowledge base",
        generate_unique_id_function=lambda route: route.name,
        version=version(),
        lifespan=lifespan,
        redirect_slashes=False,
        telemetry={**TELEMETRY, "exclude": lambda s: is_open(s["path"]) or s["path"] == METRICS},
        dependencies=[Depends(check_query)],
        middleware=[
            Middleware(Envelopes, envelopes),
            Middleware(RequestEnvelope),
            Middleware(BodyGuard, upload_bytes=settings.ingest.max_request_bytes),
            Middleware(CrossOrigin, prefixes=("/v1", *(each.prefix for each in DIALECTS))),
            Middleware(Authentication),
        ],
    )
    errors.install(app)
    return app


def _add_routes(app: FastAPI) -> None:
    """They are tried in their order, a module's in 10 µs."""
    app.include_router(chat.router)
    _add_dialects(app)
    for module in ROUTERS:
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=pages.WEB), name="static")


def _add_dialects(app: FastAPI) -> None:
    for dialect in DIALECTS:
        app.mount(dialect.prefix, dialect.application())
    app.router.routes.append(Route(mcp.PATH, mcp.McpEndpoint()))
    for path in mcp.METADATA_PATHS:
        app.router.routes.append(Route(path, mcp.resource_metadata))


async def close_streams(state: AppState) -> None:
    """End every stream with its terminal event, so that no client has to guess."""
    state["closing"].set()
    await state["kb"].chat.close()


@asynccontextmanager
async def _running(kb: KnowledgeBase, *, demo: bool, ingests: bool) -> AsyncIterator[AppState]:
    readers = local_readers(kb.settings.ingest)
    worker = Worker(kb, local_engine(kb.settings.ingest, readers))
    tuning, evaluations = TuningWorker(kb), EvaluationWorker(kb)
    sender = Sender(kb.database, kb.secrets, **dict(kb.settings.webhooks))
    state = AppState(
        kb=kb,
        readers=readers,
        closing=anyio.Event(),
        resumable=ResumableUploads(kb),
        upload_locks=UploadLocks(),
        unknown=UnknownConnections(kb.settings.server.proxies),
    )
    tasks = (
        asyncio.create_task(_keep_swept(kb, state["resumable"])),
        asyncio.create_task(watch_revocations(kb)),
        asyncio.create_task(RolloutWatcher(kb.database, kb.chat).watch()),
    )
    kb.chat.runs.log.open()
    if ingests:
        worker.start()
        tuning.start()
    evaluations.start()
    sender.start()
    try:
        if demo:
            await in_thread(ensure_demo, kb)
        yield state
    finally:
        for task in tasks:
            task.cancel()
        await close_streams(state)
        await in_thread(evaluations.stop)
        await in_thread(sender.stop)
        await in_thread(tuning.stop)
        await in_thread(worker.stop)


async def _keep_swept(kb: KnowledgeBase, resumable: ResumableUploads) -> None:
    """Finish the uploads that a stop has caught whole, and delete what has expired now and then."""
    tidy = resumable.recover
    while True:
        try:
            await in_thread(tidy)
            tidy = resumable.sweep
            await in_thread(delete_expired, kb)
        except Exception:  # the edge of a task: what is left is looked at again
            logger.exception("unfinished uploads or what has expired stayed; trying again")
        await asyncio.sleep(SWEEP_S)
