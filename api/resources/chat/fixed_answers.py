"""Answers that an operator fixes for a question. For admins."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter
from starlette.responses import Response

from api.deps import KB, AdminScope, Paging
from api.idempotency import OnceDep
from api.resources.chat.requests import AnnotationBody
from api.resources.chat.responses import AnnotationResponse
from api.resources.response import ListResponse
from api.threads import read, write
from kb.store.apps import fixed_answers
from kb.store.engine.paging import Listing
from kb.types import Annotation

router = APIRouter(prefix="/v1/apps/{app}/annotations", tags=["annotations"])


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
    """Fix the answer to a question: whoever asks it in the same words gets it, without a model."""
    return await once(partial(write, kb, fixed_answers.add, scope, app, **body.model_dump()))


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
