"""POST /chat/completions, /completions and /responses."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from api.deps import KB, ChatCaller, StreamDep
from api.dialects.dialect import EVENTS
from api.dialects.openai.answer import Answer, gathered
from api.dialects.openai.asking import ask, ended
from api.dialects.openai.chunks import Chunks, Style
from api.dialects.openai.file_search import FileSearchCall
from api.dialects.openai.requests import (
    ChatCompletionBody,
    CompletionBody,
    ResponseBody,
    SamplingBody,
)
from api.dialects.openai.response_events import ResponseEvents
from api.dialects.originals import site_of
from api.http.sse import EventStream
from api.resources.chat.run_stream import run_stream
from kb.access import Caller, OpenStream
from kb.chat.run.run import Run

router = APIRouter(tags=["chat"])


@router.post("/chat/completions", responses=EVENTS)
async def create_chat_completion(
    body: ChatCompletionBody, request: Request, kb: KB, caller: ChatCaller, stream: StreamDep
) -> Response:
    """Answer a conversation that the client keeps, from an app's documents."""
    sampling = body.sampling(body.max_completion_tokens or body.max_tokens)
    run = await ask(kb, caller, body, sampling)
    return await _completion(run, body, request, caller, stream, "chat")


@router.post("/completions", responses=EVENTS)
async def create_completion(
    body: CompletionBody, request: Request, kb: KB, caller: ChatCaller, stream: StreamDep
) -> Response:
    """Answer one text: of an app its question, of a model what it goes on with."""
    run = await ask(kb, caller, body, body.sampling(body.max_tokens))
    return await _completion(run, body, request, caller, stream, "completion")


@router.post("/responses", responses=EVENTS)
async def create_response(
    body: ResponseBody, request: Request, kb: KB, caller: ChatCaller, stream: StreamDep
) -> Response:
    """Answer a question with typed annotations; nothing is kept for a later request."""
    sampling = body.sampling(body.max_output_tokens)
    run = await ask(kb, caller, body, sampling)
    answer = _answer(run, body.model, request, caller)
    search = FileSearchCall.of(answer, caller.scope, body)
    events = ResponseEvents(answer, run.created_at, sampling, search)
    if body.stream:
        return EventStream(run_stream(run, 0, stream, events, stops_with_reader=True))
    gathered(await ended(run, request), answer)
    return JSONResponse(events.response("completed"))


async def _completion(
    run: Run,
    body: SamplingBody,
    request: Request,
    caller: Caller,
    stream: OpenStream,
    style: Style,
) -> Response:
    answer = _answer(run, body.model, request, caller)
    chunks = Chunks(answer, run.created_at, style, tells_usage=body.tells_usage)
    if body.stream:
        return EventStream(run_stream(run, 0, stream, chunks, stops_with_reader=True))
    return JSONResponse(chunks.whole(gathered(await ended(run, request), answer)))


def _answer(run: Run, model: str, request: Request, caller: Caller) -> Answer:
    return Answer(model, site_of(request), caller.scope.may("admin"), run.run_id)
