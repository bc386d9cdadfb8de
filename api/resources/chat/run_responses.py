"""What every endpoint that asks an app does with the run: stream it, or wait for its end."""

from __future__ import annotations

from contextlib import aclosing

from starlette.responses import JSONResponse, Response

from api.deps import Json
from api.http import sse
from api.resources.chat import responses
from kb.access import Caller, OpenStream
from kb.chat.run.run import Run


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
