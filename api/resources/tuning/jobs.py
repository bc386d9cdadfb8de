"""Training jobs and the models that they made. OpenAI's API has the same jobs."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field
from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response

from api.deps import KB, AdminScope, Paging, StreamDep, StreamStart
from api.http import sse
from api.http.sse import Event
from api.idempotency import OnceDep
from api.resources.fields import Body, Id, Name, Text
from api.resources.response import ListResponse
from api.threads import in_thread, read
from kb.errors import Rejected
from kb.knowledge_base import KnowledgeBase
from kb.store.engine.paging import Listing
from kb.store.tuning import jobs, training_sets, tuned_models
from kb.types import Scope, TunedModel, TuningEvent, TuningJob, TuningMethod, TuningTask
from tune.jobs import service
from tune.jobs.lineage import Lineage, lineage
from tune.jobs.results import curve
from tune.jobs.service import NewJob

router = APIRouter(prefix="/v1/tuning", tags=["tuning"])

TuningEvents = Event[Literal["event"], TuningEvent] | Event[Literal["job.ended"], TuningJob]


Value = Text | bool | int | Annotated[float, Field(allow_inf_nan=False)] | None
"""Whatever can be stored, and read again, by every client."""


class TuningJobBody(Body):
    """A new job: `model` is a base, or a tuned model that is to be continued."""

    model: Name
    training_file: Id | None = None
    training_set: Annotated[str, Field(pattern=r"^[^@]{1,200}(@[1-9][0-9]{0,8})?$")] | None = None
    """A training set by name, in place of a file: its newest version, or as `name@2`."""
    validation_file: Id | None = None
    """Without one, rows whose split is `valid` are held out."""
    suffix: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] | None = None
    task: TuningTask = "chat"
    method: TuningMethod = "supervised"
    hyperparameters: dict[Name, Value | list[Value]] = Field(default_factory=dict)
    """What is left out or "auto" is chosen by the size of the set and the model."""
    backend: Name = "local"
    metadata: dict[Name, Value] = Field(default_factory=dict)


@router.post("/jobs", status_code=201, response_model=TuningJob)
async def create_tuning_job(
    body: TuningJobBody, kb: KB, scope: AdminScope, once: OnceDep
) -> Response:
    """Have a model trained; its files are validated next, then it waits for its turn."""

    async def create() -> TuningJob:
        file_id = body.training_file
        if body.training_set is not None:
            name, _, number = body.training_set.partition("@")
            asked = (scope, name, int(number) if number.isdecimal() else None)
            file_id = (await read(kb, training_sets.version, *asked)).file_id
        if file_id is None:
            raise Rejected("`training_file`: name a file, or a training set in `training_set`.")
        fields = body.model_dump(exclude={"training_set", "training_file"})
        return await in_thread(service.create, kb, scope, NewJob(training_file=file_id, **fields))

    return await once(create)


@router.get("/jobs", response_model=ListResponse[TuningJob])
async def list_tuning_jobs(kb: KB, scope: AdminScope, page: Paging) -> Listing[TuningJob]:
    """The jobs, newest first."""
    return await read(kb, jobs.page, scope, page)


@router.get("/jobs/{job_id}")
async def get_tuning_job(job_id: str, kb: KB, scope: AdminScope) -> TuningJob:
    """One job."""
    return await read(kb, jobs.get, scope, job_id)


@router.post("/jobs/{job_id}/cancel")
async def cancel_tuning_job(job_id: str, kb: KB, scope: AdminScope) -> TuningJob:
    """End a job without a model; its checkpoints stay."""
    return await in_thread(service.cancel, kb, scope, job_id)


@router.post("/jobs/{job_id}/pause")
async def pause_tuning_job(job_id: str, kb: KB, scope: AdminScope) -> TuningJob:
    """Save where a job is, and let others have its turn."""
    return await in_thread(service.pause, kb, scope, job_id)


@router.post("/jobs/{job_id}/resume")
async def resume_tuning_job(job_id: str, kb: KB, scope: AdminScope) -> TuningJob:
    """Let a paused job go on where it was."""
    return await in_thread(service.resume, kb, scope, job_id)


@router.delete("/jobs/{job_id}", status_code=204)
async def delete_tuning_job(job_id: str, kb: KB, scope: AdminScope) -> Response:
    """Delete a job that has ended, with its model, checkpoints, events and results."""
    await in_thread(service.delete, kb, scope, job_id)
    return Response(status_code=204)


@router.get("/jobs/{job_id}/curve")
async def tuning_curve(job_id: str, kb: KB, scope: AdminScope) -> list[dict[str, Any]]:
    """The points of the curve, one a step."""
    await read(kb, jobs.get, scope, job_id)
    return await read(kb, curve, job_id)


@router.get(
    "/jobs/{job_id}/events",
    response_class=EventSourceResponse,
    responses=sse.streamed("TuningEvents"),
)
async def tuning_events(
    job_id: str, request: Request, kb: KB, scope: AdminScope, stream: StreamDep, start: StreamStart
) -> sse.EventStream:
    """What happens, from the first event or behind `after`; at last `job.ended`."""
    await read(kb, jobs.get, scope, job_id)
    return sse.progress_stream(
        _happening(kb, scope, job_id, start),
        terminal="job.ended",
        after=start,
        closing=request.state.closing,
        stream=stream,
    )


@router.get("/models", response_model=ListResponse[TunedModel])
async def list_tuned_models(kb: KB, scope: AdminScope, page: Paging) -> Listing[TunedModel]:
    """The models that jobs have made."""
    return await read(kb, tuned_models.page, scope, page)


@router.get("/models/{name}")
async def get_tuned_model(name: str, kb: KB, scope: AdminScope) -> Lineage:
    """Where a tuned model comes from, and what it does."""
    return await read(kb, lineage, scope, name)


async def _happening(kb: KnowledgeBase, scope: Scope, job_id: str, after: int) -> sse.Looks:
    while True:
        job, found = await read(kb, jobs.since, scope, job_id, after)
        events: list[tuple[str, Any]] = [("event", event) for event in found]
        if not found and job.status in jobs.ENDED:
            events.append(("job.ended", job))
        after = found[-1].seq if found else after
        yield events
