"""The queue of what went wrong, and what a person makes of it. For admins."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from starlette.responses import Response

from api.deps import KB, AdminScope, NumberedPaging
from api.resources.chat.requests import ResolutionBody
from api.resources.chat.responses import ReviewResponse
from api.resources.response import ListResponse, binary
from api.threads import in_thread
from kb.apps import reviewing
from kb.apps.reviewing import Kind
from tune.rows.containers import write_records

router = APIRouter(prefix="/v1/review", tags=["review"])


@router.get("")
async def list_review(
    kb: KB,
    scope: AdminScope,
    page: NumberedPaging,
    app: str | None = None,
    kind: Kind | None = None,
    since: str = "",
    status: Literal["open", "done"] = "open",
) -> ListResponse[ReviewResponse]:
    """Questions whose answers went wrong, in groups that ask for nearly the same, largest first.

    `since` is a day or time (RFC 3339): groups with a question from then on.
    """
    every = await in_thread(reviewing.groups, kb, scope, app, is_done=status == "done")
    shown = map(ReviewResponse.of, every)
    wanted = [s for s in shown if s.last_at >= since and (kind is None or kind in s.kinds)]
    start = int(page.cursor or 0)
    end = start + page.limit
    rest = str(end) if end < len(wanted) else None
    return ListResponse(data=tuple(wanted[start:end]), next=rest)


@router.get("/export", response_class=Response, responses=binary("application/jsonl"))
async def export_reviewed(
    kb: KB,
    scope: AdminScope,
    made: Literal["evaluation_question", "training_row"],
    app: str | None = None,
) -> Response:
    """What was made, as `kb eval run` or `kb tune import` reads it: JSON, one a line."""
    done = await in_thread(reviewing.groups, kb, scope, app, is_done=True)
    reviews = (group[0].message.review or {} for group in done)
    rows = [review["made"] for review in reviews if review["as"] == made]
    return Response(write_records(rows, "jsonl"), media_type="application/jsonl")


@router.post("/{message_id}/resolve")
async def resolve_review(
    message_id: str, body: ResolutionBody, kb: KB, scope: AdminScope
) -> ReviewResponse:
    """Make something of all questions in the group of a message; `open` undoes it."""
    said = body.made, body.question, body.answer
    return ReviewResponse.of(await in_thread(reviewing.resolve, kb, scope, message_id, *said))
