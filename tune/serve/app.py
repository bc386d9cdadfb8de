"""OpenAI's protocol over the engine: models, chat and completions, whole or streamed."""

from __future__ import annotations

import hmac
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from tune.serve.engine import Asked, End, Engine, Overloaded
from tune.trainers.job import Failed
from tune.trainers.templates import TemplateMismatch

MOST_BYTES = 8 << 20


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
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


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

    def asked(self, folder: Path, prompt: Any) -> Asked:
        """What the engine is asked."""
        stop = (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())
        most = self.max_completion_tokens or self.max_tokens or 512
        return Asked(folder, prompt, stop, most, self.temperature or 0.0, self.top_p or 1.0)


class ChatBody(Body):
    """A conversation that is to go on."""

    messages: Annotated[list[Message], Field(min_length=1)]


class TextBody(Body):
    """A text that is to go on."""

    prompt: str = ""


def create_app(models: Callable[[], Mapping[str, Path]], engine: Engine, key: str = "") -> FastAPI:
    """The application.

    Args:
        models: the folders that can be asked now, by name; looked up for each request.
        key: what requests must bring as a bearer token; "" lets all in.
    """
    app = FastAPI(title="Citewell tuned models", docs_url=None, redoc_url=None, openapi_url=None)
    for error in (Failed, Overloaded, RequestValidationError, TemplateMismatch):
        app.add_exception_handler(error, _refused)

    @app.middleware("http")
    async def gate(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        return _turned_away(request.headers, key) or await go_on(request)

    def replied(body: Body, prompt: Any, *, is_chat: bool) -> Any:
        folder = models().get(body.model)
        if folder is None:
            raise Failed("model_not_found", f"There is no model {body.model!r} here.")
        pieces = engine.answer(body.asked(folder, prompt))
        first = next(pieces)  # what fails before has a status
        form = _Form(body.model, is_chat=is_chat)
        if body.stream:
            has_usage = bool((body.stream_options or {}).get("include_usage"))
            frames = _frames(chain([first], pieces), form, has_usage=has_usage)
            return StreamingResponse(frames, media_type="text/event-stream")
        *texts, end = chain([first], pieces)
        return form.whole("".join(map(str, texts)), end)

    @app.get("/v1/models")
    def listed() -> dict[str, Any]:
        made = {name: int(path.stat().st_mtime) for name, path in sorted(models().items())}
        shared = {"object": "model", "owned_by": "citewell"}
        data = [{"id": name, "created": at, **shared} for name, at in made.items()]
        return {"object": "list", "data": data}

    @app.post("/v1/chat/completions")
    def chat(body: ChatBody) -> Any:
        turns = [{"role": each.role, "content": each.said} for each in body.messages]
        return replied(body, turns, is_chat=True)

    @app.post("/v1/completions")
    def complete(body: TextBody) -> Any:
        return replied(body, body.prompt, is_chat=False)

    return app


def _turned_away(headers: Mapping[str, str], key: str) -> JSONResponse | None:
    """Before a body is read."""
    given = headers.get("authorization", "").removeprefix("Bearer ")
    if key and not hmac.compare_digest(given.encode(), key.encode()):
        return _error(401, "invalid_api_key", "Send the key that the server began with.")
    if "transfer-encoding" in headers or int(headers.get("content-length", "0")) > MOST_BYTES:
        said = f"A request has a content-length, of {MOST_BYTES} bytes at most."
        return _error(413, "request_too_large", said)
    return None


def _error(status: int, code: str, detail: str) -> JSONResponse:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return JSONResponse({"error": {"message": detail, "type": kind, "code": code}}, status)


async def _refused(_: Request, exc: Exception) -> JSONResponse:
    if isinstance(exc, Overloaded):
        return _error(503, "overloaded", str(exc))
    if isinstance(exc, RequestValidationError):
        wrong = exc.errors()[0]
        detail = f"{'.'.join(map(str, wrong['loc'][1:]))}: {wrong['msg']}"
        return _error(400, "invalid_request", detail)
    code = getattr(exc, "code", "invalid_request")
    return _error(404 if code == "model_not_found" else 400, code, str(exc))


def _frames(pieces: Iterator[str | End], form: _Form, *, has_usage: bool) -> Iterator[str]:
    try:
        for piece in pieces:
            if isinstance(piece, str):
                yield _frame(form.piece(piece))
            else:
                yield _frame(form.piece("", piece.reason))
                if has_usage:
                    yield _frame(form.head | {"choices": [], "usage": piece.usage})
        yield "data: [DONE]\n\n"
    except Exception as exc:  # the edge of a stream, whose status is sent
        yield _frame({"error": {"message": type(exc).__name__, "type": "server_error"}})


class _Form:
    """How pieces and whole answers look: as chat, or as text completions."""

    def __init__(self, model: str, *, is_chat: bool) -> None:
        name = f"{'chatcmpl' if is_chat else 'cmpl'}-{uuid.uuid4().hex}"
        kind = "chat.completion.chunk" if is_chat else "text_completion"
        self.head = {"id": name, "object": kind, "created": int(time.time()), "model": model}
        self._is_chat = is_chat

    def piece(self, text: str, reason: str | None = None) -> dict[str, Any]:
        delta = {"role": "assistant", "content": text} if text else {}
        return self._choice({"delta": delta} if self._is_chat else {"text": text}, reason)

    def whole(self, text: str, end: Any) -> dict[str, Any]:
        told = {"usage": end.usage}
        if not self._is_chat:
            return self.piece(text, end.reason) | told
        message = {"message": {"role": "assistant", "content": text}}
        return self._choice(message, end.reason) | told | {"object": "chat.completion"}

    def _choice(self, said: Mapping[str, Any], reason: str | None) -> dict[str, Any]:
        choice = {"index": 0, "logprobs": None, "finish_reason": reason, **said}
        return self.head | {"choices": [choice]}


def _frame(data: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(data, ensure_ascii=False)}\n\n"
