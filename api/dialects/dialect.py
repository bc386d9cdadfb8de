"""What makes a dialect: where it is spoken, how it says errors, and its operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from fastapi import APIRouter, FastAPI
from pydantic import BaseModel, ConfigDict

from api import errors
from api.dialects.envelopes import Envelope
from kb.types import FinishReason, Scope

EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
}
"""How an operation declares that it streams."""

FINISH_REASONS: Mapping[FinishReason, str] = {
    "stop": "stop",
    "refused": "stop",
    "length": "length",
    "filtered": "content_filter",
}
"""How clients call the end of an answer; the AI SDK writes a hyphen."""


class Body(BaseModel):
    """A request of a dialect, or a part of one. What means nothing here is ignored."""

    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)


def only_app(scope: Scope) -> str | None:
    """The id of the app that a key is for; None for keys of none or of several."""
    return next(iter(scope.apps)) if scope.apps and len(scope.apps) == 1 else None


def seconds(moment: str) -> int:
    """A stored moment as Unix time."""
    return int(datetime.fromisoformat(moment).timestamp())


class Dialect(NamedTuple):
    """One protocol of others, below its own prefix, where it describes itself."""

    prefix: str
    title: str
    envelope: Envelope
    routers: Sequence[APIRouter]

    def application(self) -> FastAPI:
        """What is mounted at the prefix."""
        app = FastAPI(title=self.title, docs_url=None, redoc_url=None, redirect_slashes=False)
        errors.install(app)
        for router in self.routers:
            app.include_router(router)
        return app
