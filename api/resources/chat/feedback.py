"""What people think of answers."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.deps import KB, AdminScope, ChatCaller, Json, Paging, User
from api.http.idempotency import OnceDep
from api.resources import encoders
from api.resources.apps import responses
from api.resources.chat.chat import of_user
from api.resources.chat.requests import FeedbackBody
from api.threads import read, write
from kb.store.apps import feedback
from kb.types import Rating

router = APIRouter(prefix="/v1", tags=["feedback"])


@router.post("/messages/{message_id}/feedback")
async def give_feedback(
    message_id: str,
    body: FeedbackBody,
    kb: KB,
    caller: ChatCaller,
    once: OnceDep,
    user: User = None,
) -> Response:
    """Say what one thinks of an answer, or change it; an empty body takes it back."""
    scope = of_user(caller.scope, user)

    async def put() -> Json:
        said = await write(kb, feedback.put, scope, message_id, **body.model_dump())
        return {"feedback": responses.feedback(said)}

    return await once(200, put)


@router.get("/apps/{app}/feedback")
async def list_feedback(
    app: str, kb: KB, scope: AdminScope, page: Paging, rating: Rating | None = None
) -> Json:
    """What was said about an app's answers, newest answer first; of one rating if it is named."""
    found = await read(kb, feedback.page, scope, app, page, rating=rating)
    return encoders.listing(found, lambda said: responses.feedback(said) or {})
