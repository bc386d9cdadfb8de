"""A question to an app, checked before anything is searched for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kb.chat.ask.inputs import InputValue
from kb.chat.ask.routing import RouteRequest
from kb.errors import Rejected
from kb.types import App, AppContent, AppVersion, Conversation, Message, Scope, Turn

MAX_QUERY_CHARACTERS = 32_000


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A question in the words in which it is searched, and the milliseconds that took."""

    query: str
    ms: float


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A question to an app.

    `replay_of` is the message that is asked again, with its history, beside its conversation.
    """

    query: str
    conversation_id: str | None = None
    inputs: Mapping[str, InputValue] = field(default_factory=dict)
    route: RouteRequest = "auto"
    version: int | None = None
    end_user: str | None = None
    replay_of: Message | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A question with what is stored about it, loaded once.

    Attributes:
        known: the conversation that it goes on with, None for a new one.
        began: when it came, in seconds of `time.perf_counter`.
        rewritten: what a language model has made of a follow-up; without it the rule decides.
    """

    scope: Scope
    request: ChatRequest
    app: App
    version: AppVersion
    known: Conversation | None
    history: tuple[Turn, ...]
    began: float
    rewritten: Rewritten | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked question with all that the variants of its app share.

    The answering model gets `query` and `history`; `search` is for whatever has no history.
    `said` are the earlier answers of the conversation, also those that the model does not get.
    """

    scope: Scope
    app: App
    content: AppContent
    query: str
    inputs: Mapping[str, str]
    history: tuple[Turn, ...]
    search: Rewritten
    said: tuple[str, ...] = ()


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
