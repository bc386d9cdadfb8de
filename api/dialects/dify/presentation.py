"""How an app presents itself to a front end, and the answers that are fixed for it."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field
from starlette.responses import Response

from api.deps import KB
from api.dialects.dialect import Body, seconds
from api.dialects.dify.asking import AppDep, EditorScope
from api.dialects.dify.wire.fields import Keyword, Limit, PageNumber
from api.resources.fields import Text
from api.threads import read, write
from kb.chat.ask.question import MAX_QUERY_CHARACTERS
from kb.errors import Rejected
from kb.store.apps import fixed_answers
from kb.store.engine.paging import PageRequest
from kb.types import Annotation, InputVariable

router = APIRouter(tags=["app"])

OFF = {"enabled": False}
ON = {"enabled": True}
DONE = {"job_id": "none", "job_status": "completed", "error_msg": ""}
FORMS = {
    "text": "text-input",
    "paragraph": "paragraph",
    "number": "number",
    "select": "select",
    "boolean": "checkbox",
}
_LIMITS = ("file_size", "image_file_size", "audio_file_size", "video_file_size")


class AnnotationBody(Body):
    """An answer that is to be given to a question from now on."""

    question: Annotated[Text, Field(min_length=1, max_length=MAX_QUERY_CHARACTERS)]
    answer: Annotated[Text, Field(min_length=1, max_length=100_000)]


@router.get("/parameters")
async def parameters(app: AppDep) -> dict[str, Any]:
    """What a front end shows, and what it may offer."""
    none = {"number_limits": 0, "detail": "low", "transfer_methods": []}
    return {
        "opening_statement": app.opening,
        "suggested_questions": list(app.suggested_questions),
        "suggested_questions_after_answer": ON,
        "speech_to_text": OFF,
        "text_to_speech": {**OFF, "voice": "", "language": "", "autoPlay": "disabled"},
        "retriever_resource": ON,
        "annotation_reply": ON,
        "more_like_this": OFF,
        "sensitive_word_avoidance": OFF,
        "user_input_form": [_form(variable) for variable in app.inputs],
        "file_upload": {**OFF, "image": {**OFF, **none}},
        "system_parameters": {f"{name}_limit": 0 for name in (*_LIMITS, "workflow_file_upload")},
    }


@router.get("/info")
async def info(app: AppDep) -> dict[str, Any]:
    """What the app is."""
    return {
        "name": app.name,
        "description": "",
        "tags": [],
        "mode": "chat",
        "author_name": "",
    }


@router.get("/meta")
async def meta(app: AppDep) -> dict[str, Any]:
    """Nothing: no tools are called."""
    return {"tool_icons": {}}


@router.get("/site")
async def site(app: AppDep) -> dict[str, Any]:
    """How a page about the app looks; what is not set here has Dify's defaults."""
    empty = ("description", "copyright", "privacy_policy", "input_placeholder", "custom_disclaimer")
    return dict.fromkeys(empty, "") | {
        "title": app.name,
        "chat_color_theme": None,
        "chat_color_theme_inverted": False,
        "icon_type": "emoji",
        "icon": app.icon,
        "icon_background": None,
        "icon_url": None,
        "default_language": "en-US",
        "show_workflow_steps": False,
        "use_icon_as_answer_icon": False,
    }


@router.get("/apps/annotations")
async def list_annotations(
    kb: KB,
    scope: EditorScope,
    app: AppDep,
    page: PageNumber = 1,
    limit: Limit = 20,
    keyword: Keyword = None,
) -> dict[str, Any]:
    """The fixed answers of the app, by a piece of the question or the answer."""
    numbered = PageRequest(limit, number=page)
    found = await read(kb, fixed_answers.page, scope, app.id, numbered, q=keyword)
    shown = [_annotation(each) for each in found.data]
    counted = {"total": found.total, "page": page, "limit": limit}
    return {"data": shown, "has_more": found.next is not None, **counted}


@router.post("/apps/annotations", status_code=201)
async def add_annotation(
    body: AnnotationBody, kb: KB, scope: EditorScope, app: AppDep
) -> dict[str, Any]:
    """Fix the answer to a question."""
    said = {"question": body.question, "answer": body.answer, "message_id": None}
    return _annotation(await write(kb, fixed_answers.add, scope, app.id, **said))


@router.put("/apps/annotations/{annotation_id}")
async def change_annotation(
    annotation_id: str, body: AnnotationBody, kb: KB, scope: EditorScope, app: AppDep
) -> dict[str, Any]:
    """Fix another answer, or the answer to another question."""
    own = (scope, app.id, annotation_id)
    said = partial(fixed_answers.change, question=body.question, answer=body.answer)
    return _annotation(await write(kb, said, *own))


@router.delete("/apps/annotations/{annotation_id}", status_code=204)
async def delete_annotation(
    annotation_id: str, kb: KB, scope: EditorScope, app: AppDep
) -> Response:
    """Delete a fixed answer."""
    await write(kb, fixed_answers.remove, scope, app.id, annotation_id)
    return Response(status_code=204)


@router.post("/apps/annotation-reply/{switch}")
async def switch_annotations(switch: Literal["enable", "disable"], scope: EditorScope) -> Any:
    """Nothing to do: fixed answers are given at once and always."""
    if switch == "disable":
        raise Rejected("Fixed answers are always given here. Delete those that are not wanted.")
    return DONE


@router.get("/apps/annotation-reply/{switch}/status/{job_id}")
async def annotations_status(switch: str, job_id: str, scope: EditorScope) -> Any:
    """Done, since there is nothing to do."""
    return DONE


def _annotation(found: Annotation) -> dict[str, Any]:
    said = {"id": found.id, "question": found.question, "answer": found.answer}
    return said | {"hit_count": found.hits, "created_at": seconds(found.created_at)}


def _form(variable: InputVariable) -> dict[str, Any]:
    field: dict[str, Any] = {
        "label": variable.label or variable.name,
        "variable": variable.name,
        "required": variable.required,
        "default": variable.default,
    }
    if variable.max_length is not None:
        field["max_length"] = variable.max_length
    if variable.type == "select":
        field["options"] = list(variable.options)
    return {FORMS[variable.type]: field}
