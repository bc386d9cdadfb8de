"""A question to an app, checked before anything is searched for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kb.chat.routing import RouteRequest
from kb.errors import Rejected
from kb.types import App, AppContent, Scope, Turn

MAX_QUERY_CHARACTERS = 32_000


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A question to an app."""

    query: str
    conversation_id: str | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    route: RouteRequest = "auto"
    version: int | None = None
    end_user: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked question with all that the variants of its app share."""

    scope: Scope
    app: App
    content: AppContent
    query: str
    inputs: Mapping[str, str]
    history: tuple[Turn, ...]


def checked_query(query: str) -> str:
    """The question as it is searched and sent: valid Unicode, without NUL and outer blanks.

    Raises:
        Rejected: it is empty or too long.
    """
    query = query.encode("utf-8", "replace").decode().replace("\0", "").strip()
    if not query:
        raise Rejected("The question is empty. Send some text in `query`.")
    if len(query) > MAX_QUERY_CHARACTERS:
        raise Rejected(f"The question is over {MAX_QUERY_CHARACTERS} characters. Shorten it.")
    return query


def checked_inputs(content: AppContent, given: Mapping[str, str]) -> dict[str, str]:
    """The inputs of an app with its defaults filled in. Raises Rejected if a needed one lacks."""
    values = {item.name: item.default for item in content.inputs}
    values.update(given)
    missing = [item.name for item in content.inputs if item.required and not values[item.name]]
    if missing:
        raise Rejected(f"This app needs the inputs {', '.join(missing)}. Send them in `inputs`.")
    return values
