"""What the transports of the AI SDK send. Other fields are a page's own, and ignored."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt

from api.dialects.dialect import Body
from api.dialects.turns import Part, Role, Said, last_asked, text_of
from api.resources.chat.requests import EndUser
from api.resources.fields import Name, Text
from kb.chat.ask.routing import RouteRequest
from kb.errors import Rejected

ChatId = Annotated[Text, Field(min_length=1, max_length=200)]

ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant"}
"""A `system` message is none: a page cannot instruct the model."""


class UnsupportedPart(Rejected):
    """The question holds what is not read."""

    code = "unsupported_value"


class UiMessage(Body):
    """A message as the client keeps it."""

    id: Annotated[Text, Field(max_length=200)] = ""
    role: Annotated[str, Field(max_length=50)] = "user"
    parts: Annotated[list[Part], Field(max_length=2000)] = Field(default_factory=list)

    def said(self) -> Said:
        """Its text."""
        return Said(ROLES.get(self.role, "other"), text_of(self.parts))


class UiChatBody(Body):
    """A question in a chat of the client."""

    id: ChatId | None = None
    """The client's own name of the chat. Without it nothing is gone on with: `messages` are all."""
    messages: Annotated[list[UiMessage], Field(max_length=2000)] = Field(default_factory=list)
    """The last one of the user is the question. Those before count while the chat is not kept."""
    message: UiMessage | None = None
    """The question alone, where the client sends no others."""
    trigger: Literal["submit-message", "regenerate-message"] = "submit-message"
    messageId: Annotated[Text, Field(max_length=200)] | None = None  # noqa: N815 (the SDK's name)
    """The answer that is to be written again, or the question that was edited."""
    user: EndUser | None = None
    """Whose chat it is."""
    inputs: dict[Name, StrictBool | StrictInt | StrictFloat | Text] = Field(
        default_factory=dict, max_length=100
    )
    route: RouteRequest = "auto"

    @property
    def asked(self) -> list[UiMessage]:
        """All messages up to the question. Raises Rejected without one."""
        sent = [*self.messages, self.message] if self.message is not None else self.messages
        last = last_asked([each.role for each in sent], "messages")
        if any(part.type == "file" for part in sent[last].parts):
            raise UnsupportedPart(
                "The question holds a file; only text is read. Upload it as a document."
            )
        return sent[: last + 1]

    @property
    def replaces(self) -> bool:
        """Whether an earlier answer gives way: it is written again, or its question was edited."""
        return self.trigger == "regenerate-message" or self.messageId is not None


class StopBody(Body):
    """Which answer is to stop; without `runId` the one in progress."""

    runId: Annotated[str, Field(max_length=200)] | None = None  # noqa: N815 (as in metadata)
