"""Requests about answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from api.schemas.common import Body, Id, Name, Text
from kb.chat.asking import MAX_QUERY_CHARACTERS, ChatRequest

EndUser = Annotated[Text, StringConstraints(min_length=1, max_length=200)]


class ChatBody(Body):
    """A question to an app."""

    query: Annotated[Text, Field(min_length=1, max_length=MAX_QUERY_CHARACTERS)]
    conversation_id: Id | None = None
    """Continues a conversation; without it a new one begins."""
    inputs: dict[Name, Text] = Field(default_factory=dict, max_length=50)
    route: Literal["auto", "base", "tuned"] = "auto"
    version: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """Answers with a version that is not the published one; for admin keys."""
    stream: bool = True
    user: EndUser | None = None
    """Whose conversation it is: any text that names a person to you."""

    def to_request(self) -> ChatRequest:
        """The domain type."""
        return ChatRequest(
            query=self.query,
            conversation_id=self.conversation_id,
            inputs=self.inputs,
            route=self.route,
            version=self.version,
            end_user=self.user,
        )
