"""OpenAI's protocol over the engine: models, chat and completions, whole or streamed."""

from __future__ import annotations

import asyncio
import hmac
import json
import queue
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.datastructures import Headers
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from tune.serve.engine import Asked, End, Engine
from tune.trainers.job import Failed
from tune.trainers.templates import TemplateMismatch

MOST_BYTES = 8 << 20
LOOK_S = 0.5
"""Between two looks whether the client of an answer that is not streamed is still there."""


class Part(BaseModel):
    """A part of a message's content; others than texts are passed over."""

    text: str = ""


class Message(BaseModel):
    """A turn."""

    role: str
    content: str | list[Part] | None = None

    @property
    def said(self) -> str:
        """Its text."""
        parts = self.content if isinstance(self.content, list) else ()
        return self.content if isinstance(self.content, str) else "".join(p.text for p in parts)


class Body(BaseModel):
    """What both kinds of request share. A temperature left out is 0: the most likely answer."""

    model: str
    stream: bool = False
    stream_options: dict[str, Any] | None = None
    stop: str | list[str] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    messages: list[Message] = []
    prompt: str | None = None


class Refused(Exception):
    """A request that is answered by an error of OpenAI's form."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code = status, code


def create_app(models: Callable[[], Mapping[str, Path]], engine: Engine, key: str = "") -> FastAPI:
    """The application.

    Args:
        models: the folders that can be asked now, by name; looked up for each request.
        key: what requests must bring as a bearer token; "" lets all in.
    """
    app = FastAPI(title="Citewell tuned models", docs_url=None, redoc_url=None, openapi_url=None)

    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _refused)
    app.add_middleware(_Gate, key=key)

    def of(body: Body, prompt: Any) -> AsyncIterator[str | End]:
        folder = models().get(body.model)
        if folder is None:
            raise Refused(404, "model_not_found", f"There is no model {body.model!r} here.")
        return _pieces(engine, body, folder, prompt)

    @app.get("/v1/models")
    async def listed() -> dict[str, Any]:
        made = {name: int(path.stat().st_mtime) for name, path in sorted(models().items())}
        data = [
            {"id": name, "object": "model", "created": at, "owned_by": "citewell"}
            for name, at in made.items()
        ]
        return {"object": "list", "data": data}

    @app.post("/v1/chat/completions")
    async def chat(request: Request, body: Body) -> Any:
        turns = [{"role": each.role, "content": each.said} for each in body.messages]
        if not turns:
            raise Refused(400, "invalid_messages", "`messages` needs at least one message.")
        return await _replied(request, body, of(body, turns), _Form(body.model, is_chat=True))

    @app.post("/v1/completions")
    async def complete(request: Request, body: Body) -> Any:
        pieces = of(body, body.prompt or "")
        return await _replied(request, body, pieces, _Form(body.model, is_chat=False))

    return app


class _Gate:
    """Refuses without the key, and what is too large, before a body is read."""

    def __init__(self, app: Any, key: str) -> None:
        self._app = app
        self._key = key

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and (refused := self._reason(Headers(scope=scope))):
            await (await _refused(None, refused))(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _reason(self, headers: Headers) -> Refused | None:
        given = headers.get("authorization", "").removeprefix("Bearer ")
        if self._key and not hmac.compare_digest(given.encode(), self._key.encode()):
            return Refused(401, "invalid_api_key", "Send the key that the server began with.")
        size = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not size.isdecimal() or int(size) > MOST_BYTES:
            said = f"A request has a content-length, of {MOST_BYTES} bytes at most."
            return Refused(413, "request_too_large", said)
        return None


async def _refused(_: Request | None, exc: Exception) -> JSONResponse:
    status, code = (exc.status, exc.code) if isinstance(exc, Refused) else (400, "invalid_request")
    kind = "invalid_request_error" if status < 500 else "server_error"
    return JSONResponse({"error": {"message": str(exc), "type": kind, "code": code}}, status)


async def _replied(
    request: Request, body: Body, pieces: AsyncIterator[str | End], form: _Form
) -> Any:
    first = await _unless_left(request, anext(pieces))  # what fails before has a status
    if body.stream:
        frames = _frames(first, pieces, body, form)
        return StreamingResponse(frames, media_type="text/event-stream")
    text, end = await _unless_left(request, _gathered(first, pieces))
    return form.whole(text, end) | {"usage": _usage(end)}


async def _unless_left(request: Request, awaited: Awaitable[Any]) -> Any:
    task = asyncio.ensure_future(awaited)
    while not (await asyncio.wait([task], timeout=LOOK_S))[0]:
        if await request.is_disconnected():
            task.cancel()
            raise Refused(499, "client_left", "The client has left.")
    return await task


async def _pieces(
    engine: Engine, body: Body, folder: Path, prompt: Any
) -> AsyncIterator[str | End]:
    def tell(piece: str | End | Exception) -> None:
        loop.call_soon_threadsafe(told.put_nowait, piece)

    loop, told = asyncio.get_running_loop(), asyncio.Queue[str | End | Exception]()
    stop = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    asked = Asked(
        folder,
        prompt,
        stop,
        body.max_completion_tokens or body.max_tokens or 512,
        body.temperature or 0.0,
        1.0 if body.top_p is None else body.top_p,
        tell,
    )
    try:
        engine.ask(asked)
        while not isinstance(piece := await told.get(), End):
            if isinstance(piece, Exception):
                raise piece
            yield piece
        yield piece
    except queue.Full as exc:
        raise Refused(503, "overloaded", "Too many requests wait. Try again later.") from exc
    except (Failed, TemplateMismatch) as exc:
        raise Refused(400, getattr(exc, "code", "invalid_messages"), str(exc)) from exc
    finally:
        asked.left.set()


async def _gathered(first: str | End, pieces: AsyncIterator[str | End]) -> tuple[str, End]:
    text, piece = "", first
    while isinstance(piece, str):
        text, piece = text + piece, await anext(pieces)
    return text, piece


async def _frames(
    first: str | End, pieces: AsyncIterator[str | End], body: Body, form: _Form
) -> AsyncIterator[str]:
    piece = first
    try:
        while isinstance(piece, str):
            yield _frame(form.piece(piece))
            piece = await anext(pieces)
        yield _frame(form.piece("", piece.reason))
        if (body.stream_options or {}).get("include_usage"):
            yield _frame(form.head | {"choices": [], "usage": _usage(piece)})
        yield "data: [DONE]\n\n"
    except Exception as exc:  # the edge of a stream, whose status is sent
        yield _frame({"error": {"message": type(exc).__name__, "type": "server_error"}})
    finally:
        await pieces.aclose()  # type: ignore[attr-defined]


class _Form:
    """How pieces and whole answers look: as chat, or as text completions."""

    def __init__(self, model: str, *, is_chat: bool) -> None:
        name = f"{'chatcmpl' if is_chat else 'cmpl'}-{uuid.uuid4().hex}"
        kind = "chat.completion.chunk" if is_chat else "text_completion"
        self.head = {"id": name, "object": kind, "created": int(time.time()), "model": model}
        self._is_chat = is_chat

    def piece(self, text: str, reason: str | None = None) -> dict[str, Any]:
        delta = {"delta": {"role": "assistant", "content": text} if text else {}}
        return self._choice(delta if self._is_chat else {"text": text}, reason)

    def whole(self, text: str, end: End) -> dict[str, Any]:
        if not self._is_chat:
            return self.piece(text, end.reason)
        message = {"message": {"role": "assistant", "content": text}}
        return self._choice(message, end.reason) | {"object": "chat.completion"}

    def _choice(self, said: Mapping[str, Any], reason: str | None) -> dict[str, Any]:
        choice = {"index": 0, "logprobs": None, "finish_reason": reason, **said}
        return self.head | {"choices": [choice]}


def _usage(end: End) -> dict[str, int]:
    total = end.prompt_tokens + end.completion_tokens
    return {
        "prompt_tokens": end.prompt_tokens,
        "completion_tokens": end.completion_tokens,
        "total_tokens": total,
    }


def _frame(data: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
