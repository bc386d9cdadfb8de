"""What every endpoint that asks an app does: begin a run, then stream it or wait for its end."""

from __future__ import annotations

from contextlib import aclosing

from starlette.responses import JSONResponse, Response

from api.deps import Json
from api.http import sse
from api.resources.chat import responses
from api.threads import in_thread, searching
from kb.access import Caller, OpenStream
from kb.chat.ask.asking import ChatRequest, Opened
from kb.chat.run.run import Run
from kb.knowledge_base import KnowledgeBase
from kb.types import Scope


async def begin(
    kb: KnowledgeBase, caller: Caller, scope: Scope, app: str, request: ChatRequest
) -> Run:
    """Start a run; a follow-up is rewritten before, outside the threads that search.

    The tokens of the day are looked at twice: before anything is done, and with what the answers in
    progress will use, so that however many are asked at once, one at most goes over the limit.

    Raises what is wrong with the request, and RateLimited.
    """

    def opened() -> Opened:
        kb.access.check_tokens(caller)
        return kb.chat.open(scope, app, request)

    rewritten = await kb.chat.rewritten(await in_thread(opened))
    prepared = await searching(kb, kb.chat.prepare, rewritten)
    if caller.limits.tokens_per_day is None:
        return kb.chat.start(prepared)
    async with kb.access.turns.of(caller):
        in_progress = kb.chat.tokens_in_progress(caller.key_id)  # before what has ended is counted
        await in_thread(kb.access.check_tokens, caller, in_progress=in_progress)
        return kb.chat.start(prepared)


async def respond(run: Run, caller: Caller, stream: OpenStream, *, streamed: bool) -> Response:
    """The run's events, or its whole answer as one object. Raises AnswerFailed."""
    full = caller.scope.may("admin")
    if streamed:
        return sse.event_stream(sse.run_stream(run, 0, stream, full=full))
    return JSONResponse(await _whole(run, full=full))


async def _whole(run: Run, *, full: bool) -> Json:
    """Read along to the end, which keeps the run going."""
    async with aclosing(run.subscribe_batches()) as batches:
        async for _ in batches:
            pass
    return responses.answer(run.events, full=full)
