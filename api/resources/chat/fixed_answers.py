"""Answers that an operator fixes for a question. For admins."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.deps import KB, AdminScope, Paging
from api.idempotency import OnceDep
from api.resources.chat.requests import AnnotationBody
from api.resources.chat.responses import AnnotationResponse, HitResponse
from api.resources.response import BINARY, ListResponse, binary, takes
from api.threads import in_thread, read, write
from kb.errors import Rejected
from kb.store.apps import fixed_answers
from kb.store.engine.paging import Listing
from kb.types import Annotation, Message
from tune.rows.containers import read_records, write_records

router = APIRouter(prefix="/v1/apps/{app}/annotations", tags=["annotations"])

Form = Literal["csv", "jsonl"]


@router.get("", response_model=ListResponse[AnnotationResponse])
async def list_annotations(
    app: str, kb: KB, scope: AdminScope, page: Paging
) -> Listing[Annotation]:
    """The fixed answers of an app, oldest first."""
    return await read(kb, fixed_answers.page, scope, app, page)


@router.post("", status_code=201, response_model=AnnotationResponse)
async def add_annotation(
    app: str, body: AnnotationBody, kb: KB, scope: AdminScope, once: OnceDep
) -> Response:
    """Fix the answer to a question: whoever asks it in such words gets it, without a model."""

    async def add() -> Annotation:
        made = await write(kb, fixed_answers.add, scope, app, **body.model_dump())
        await in_thread(kb.chat.alike.embed, made.app_id)
        return made

    return await once(add)


@router.get("/export", response_class=Response, responses=binary("application/octet-stream"))
async def export_annotations(app: str, kb: KB, scope: AdminScope, to: Form = "csv") -> Response:
    """The questions and fixed answers of an app as a table, or JSON with one a line."""
    _, rows = await read(kb, fixed_answers.asked, scope, app)
    said = [{"question": row.question, "answer": row.answer} for row in rows]
    return Response(write_records(said, to), media_type="application/octet-stream")


@router.post("/import", status_code=204, openapi_extra=takes("application/octet-stream", BINARY))
async def import_annotations(
    app: str, request: Request, kb: KB, scope: AdminScope, form: Form = "csv"
) -> Response:
    """Fix the answers of such a file, all or none. A question that has one gets the new one."""
    rows = read_records(await request.body(), f"answers.{form}")
    try:
        said = [AnnotationBody(question=row["question"], answer=row["answer"]) for row in rows]
    except (KeyError, ValidationError) as exc:
        raise Rejected(f"Each row needs a `question` and an `answer`: {exc}") from exc
    answers = {str(each.question): str(each.answer) for each in said}
    await in_thread(kb.chat.alike.embed, await write(kb, fixed_answers.put, scope, app, answers))
    return Response(status_code=204)


@router.get("/{annotation_id}/hits", response_model=ListResponse[HitResponse])
async def list_hits(
    app: str, annotation_id: str, kb: KB, scope: AdminScope, page: Paging
) -> Listing[Message]:
    """The questions that got a fixed answer, and how alike they were to its own; newest first."""
    return await read(kb, fixed_answers.hits, scope, app, annotation_id, page)


@router.delete("/{annotation_id}", status_code=204)
async def delete_annotation(app: str, annotation_id: str, kb: KB, scope: AdminScope) -> Response:
    """Delete one fixed answer."""
    await write(kb, fixed_answers.remove, scope, app, annotation_id)
    return Response(status_code=204)


@router.delete("", status_code=204)
async def delete_annotations(app: str, kb: KB, scope: AdminScope) -> Response:
    """Delete all the fixed answers of an app."""
    await write(kb, fixed_answers.remove_all, scope, app)
    return Response(status_code=204)
