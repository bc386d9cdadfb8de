"""What people think of answers."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.deps import KB, AdminScope, ChatCaller, Paging, User
from api.idempotency import OnceDep
from api.resources.chat.chat import of_user
from api.resources.chat.requests import FeedbackBody
from api.resources.chat.responses import FeedbackResponse
from api.resources.response import ListResponse
from api.threads import read, write
from kb.store.apps import feedback
from kb.store.engine.paging import Listing
from kb.types import JudgedAnswer, Rating

router = APIRouter(prefix="/v1", tags=["feedback"])


@router.post("/messages/{message_id}/feedback", response_model=FeedbackResponse)
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

    async def put() -> FeedbackResponse:
        said = await write(kb, feedback.put, scope, message_id, **body.model_dump())
        return FeedbackResponse(feedback=said)

    return await once(put)


@router.get("/apps/{app}/feedback", response_model=ListResponse[JudgedAnswer])
async def list_feedback(
    app: str, kb: KB, scope: AdminScope, page: Paging, rating: Rating | None = None
) -> Listing[JudgedAnswer]:
    """What was said about an app's answers, newest answer first; of one rating if it is named."""
    return await read(kb, feedback.page, scope, app, page, rating=rating)
