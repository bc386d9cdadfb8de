"""Runs of question sets, their results, and what questions score. For admins."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from api.deps import KB, AdminScope, NumberedPaging, Paging
from api.idempotency import OnceDep
from api.resources.fields import Body, Id, Name, RetrievalOptions
from api.resources.response import ListResponse, binary
from api.threads import in_thread, previewing, read, write
from eval.served import runs as service
from eval.served.runs import Comparison, NewRun
from eval.served.scores import ScoredQuestions, scores
from kb.store.engine.paging import Listing
from kb.store.evaluation import runs
from kb.types import (
    DRAFT,
    EvaluationOutcome,
    EvaluationRun,
    Retrieval,
    SearchMode,
    VariantName,
)

router = APIRouter(prefix="/v1/evaluation", tags=["evaluation"])

Version = Annotated[int, Field(ge=1, le=1_000_000_000)]
Value = bool | int | Annotated[float, Field(allow_inf_nan=False)] | Name


class EvaluationRunBody(Body):
    """A new run: the questions of a set, put to an app or to the search of a dataset."""

    question_set: Name
    """By id or name."""
    app: Name | None = None
    """By id or slug."""
    version: Version | Literal["draft"] | None = None
    """Left out: the version that is published now."""
    route: VariantName | None = None
    """The variant that must answer; left out, the app chooses."""
    inputs: dict[Name, Value] = Field(default_factory=dict, max_length=50)
    dataset_id: Id | None = None
    generation: Version | None = None
    """Searches another index than the one that answers."""
    mode: SearchMode = "hybrid"
    top_k: Annotated[int, Field(ge=1, le=100)] = 20
    sample: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """At most so many questions, chosen by `seed`."""
    seed: Annotated[int, Field(ge=0, lt=1 << 31)] = 0


class ScoresBody(RetrievalOptions):
    """Which questions are to be scored, and how they are searched."""

    dataset_ids: Annotated[list[Id], Field(min_length=1, max_length=50)]
    question_set: Name | None = None
    """Left out: questions made of the documents, and others about something else."""
    count: Annotated[int, Field(ge=1, le=300)] = 60


@router.post("/runs", status_code=201, response_model=EvaluationRun)
async def create_evaluation_run(
    body: EvaluationRunBody, kb: KB, scope: AdminScope, once: OnceDep
) -> Response:
    """Have the questions of a set asked, as they are now."""
    version = DRAFT if body.version == "draft" else body.version
    wanted = NewRun(**{**dict(body), "version": version})

    async def create() -> EvaluationRun:
        return await in_thread(service.create, kb, scope, wanted)

    return await once(create)


@router.get("/runs", response_model=ListResponse[EvaluationRun])
async def list_evaluation_runs(
    kb: KB, scope: AdminScope, page: Paging, set_id: str | None = None
) -> Listing[EvaluationRun]:
    """The runs, newest first."""
    return await read(kb, runs.page, scope, page, set_id)


@router.get("/runs/{evaluation_run}")
async def get_evaluation_run(evaluation_run: str, kb: KB, scope: AdminScope) -> EvaluationRun:
    """One run: how far it has come, and its metrics when it has ended."""
    return await read(kb, runs.get, scope, evaluation_run)


@router.post("/runs/{evaluation_run}/cancel")
async def cancel_evaluation_run(evaluation_run: str, kb: KB, scope: AdminScope) -> EvaluationRun:
    """End a run; what was asked so far is summed up."""
    return await in_thread(service.cancel, kb, scope, evaluation_run)


@router.delete("/runs/{evaluation_run}", status_code=204)
async def delete_evaluation_run(evaluation_run: str, kb: KB, scope: AdminScope) -> Response:
    """Delete a run that has ended, with its results."""
    await write(kb, runs.remove, scope, evaluation_run)
    return Response(status_code=204)


@router.get("/runs/{evaluation_run}/results", response_model=ListResponse[EvaluationOutcome])
async def list_evaluation_results(
    evaluation_run: str, kb: KB, scope: AdminScope, page: NumberedPaging
) -> Listing[EvaluationOutcome]:
    """What became of each question, in their order, with the passages that were found."""
    return await read(kb, runs.outcomes_of, scope, evaluation_run, page)


@router.get("/runs/{evaluation_run}/comparison/{against}")
async def compare_evaluation_runs(
    evaluation_run: str, against: str, kb: KB, scope: AdminScope
) -> Comparison:
    """A run beside another: questions won and lost, and whether that can be chance."""
    return await in_thread(service.comparison, kb, scope, evaluation_run, against)


@router.get("/runs/{evaluation_run}/report", response_class=Response, responses=binary("text/html"))
async def report_evaluation_run(
    evaluation_run: str, kb: KB, scope: AdminScope, against: str | None = None
) -> Response:
    """The report that `kb eval run` writes: one HTML file that needs nothing else."""

    def make() -> Response:
        from eval.report.page import html  # its library takes a while to load

        page = html(service.report(kb, scope, evaluation_run, against))
        headers = {"content-disposition": 'attachment; filename="report.html"'}
        return Response(page, 200, headers, "text/html")

    return await previewing(make)


@router.post("/scores")
async def score_questions(body: ScoresBody, kb: KB, scope: AdminScope) -> ScoredQuestions:
    """What the best hit of each question scores: what a threshold would make of it."""
    asked = (body.dataset_ids, body.to(Retrieval), body.question_set, body.count)
    return await previewing(scores, kb, scope, *asked)
