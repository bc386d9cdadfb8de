"""Answers that an operator fixes for a question. For admins."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter
from starlette.responses import Response

from api.deps import KB, AdminScope, Paging
from api.http.idempotency import OnceDep
from api.resources.chat.requests import AnnotationBody
from api.resources.chat.responses import AnnotationResponse
from api.resources.response import ListResponse
from api.threads import read, write
from kb.errors import NotFound
from kb.store.apps import apps, conversations, fixed_answers
from kb.store.engine.database import Transaction
from kb.store.engine.paging import Listing, PageRequest
from kb.types import Annotation, Scope

router = APIRouter(prefix="/v1/apps/{app}/annotations", tags=["annotations"])


@router.get("", response_model=ListResponse[AnnotationResponse])
async def list_annotations(
    app: str, kb: KB, scope: AdminScope, page: Paging
) -> Listing[Annotation]:
    """The fixed answers of an app, oldest first."""
    return await read(kb, _page, scope, app, page)


@router.post("", status_code=201, response_model=AnnotationResponse)
async def add_annotation(
    app: str, body: AnnotationBody, kb: KB, scope: AdminScope, once: OnceDep
) -> Response:
    """Fix the answer to a question: whoever asks it in the same words gets it, without a model."""

    return await once(partial(write, kb, _create, scope, app, body))


@router.delete("/{annotation_id}", status_code=204)
async def delete_annotation(app: str, annotation_id: str, kb: KB, scope: AdminScope) -> Response:
    """Delete one fixed answer."""
    await write(kb, _remove, scope, app, annotation_id)
    return Response(status_code=204)


@router.delete("", status_code=204)
async def delete_annotations(app: str, kb: KB, scope: AdminScope) -> Response:
    """Delete all the fixed answers of an app."""
    await write(kb, _remove_all, scope, app)
    return Response(status_code=204)


def _page(tx: Transaction, scope: Scope, app: str, page: PageRequest) -> Listing[Annotation]:
    return fixed_answers.page(tx, apps.get(tx, scope, app).id, page)


def _create(tx: Transaction, scope: Scope, app: str, body: AnnotationBody) -> Annotation:
    app_id = apps.get(tx, scope, app).id
    question, answer = body.question, body.answer
    if body.message_id is not None:
        message = conversations.message(tx, scope, body.message_id)
        if message.app_id != app_id:
            raise NotFound("message", body.message_id)
        question, answer = question or message.query, answer or message.answer
    return fixed_answers.create(
        tx, app_id, question=question or "", answer=answer or "", message_id=body.message_id
    )


def _remove(tx: Transaction, scope: Scope, app: str, annotation_id: str) -> None:
    fixed_answers.remove(tx, apps.get(tx, scope, app).id, annotation_id)


def _remove_all(tx: Transaction, scope: Scope, app: str) -> None:
    fixed_answers.remove_all(tx, apps.get(tx, scope, app).id)
