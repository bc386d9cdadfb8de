"""Requests about answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import (
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StringConstraints,
    model_validator,
)

from api.resources.fields import Body, Id, Name, Text
from kb.apps.reviewing import Made
from kb.chat.ask.question import MAX_QUERY_CHARACTERS, ChatRequest
from kb.types import DRAFT, DislikeReason, Rating

Remark = Annotated[Text, StringConstraints(max_length=20_000)]
EndUser = Annotated[Text, StringConstraints(min_length=1, max_length=200)]


class ChatBody(Body):
    """A question to an app."""

    query: Annotated[Text, Field(min_length=1, max_length=MAX_QUERY_CHARACTERS)]
    conversation_id: Id | None = None
    """Continues a conversation; without it a new one begins."""
    inputs: dict[Name, StrictBool | StrictInt | StrictFloat | Text] = Field(
        default_factory=dict, max_length=50
    )
    route: Literal["auto", "base", "tuned"] = "auto"
    version: Annotated[int, Field(ge=1, le=1_000_000_000)] | Literal["draft"] | None = None
    """Answers with a version that is not the published one, or with the draft; for admin keys."""
    plain: bool = Field(default_factory=bool)  # a new default would be asked of old typed clients
    """Asks without a search, as the model `slug:plain` does for clients of OpenAI."""
    on: date | None = None
    """The day on which documents must be valid; without it today, in UTC. Not for widget keys."""
    stream: bool = True
    user: EndUser | None = None
    """Whose conversation it is: any text that names a person to you."""

    def to_request(self) -> ChatRequest:
        version = DRAFT if self.version == "draft" else self.version
        asked = self.to(ChatRequest)
        return replace(asked, version=version, end_user=self.user, is_plain=self.plain)


class ReplayBody(Body):
    """Which version is to answer a stored question again."""

    version: Annotated[int, Field(ge=1, le=1_000_000_000)]
    route: Literal["auto", "base", "tuned"] = "auto"
    """`auto` keeps to the variant that answered before."""
    stream: bool = True


class NewName(Body):
    """Another name for a conversation."""

    name: Name


class FeedbackBody(Body):
    """What somebody thinks of an answer; nothing at all takes it back."""

    rating: Rating | None = None
    reason: DislikeReason | None = None
    """What a dislike is about; `text` may say more."""
    text: Remark = ""
    better_answer: Remark = ""
    """What should have been said."""


class ResolutionBody(Body):
    """What is made of a group of questions."""

    made: Annotated[Made, Field(alias="as")]
    question: Annotated[Text, Field(max_length=MAX_QUERY_CHARACTERS)] = ""
    """In other words than the first one's."""
    answer: Annotated[Text, Field(max_length=100_000)] = ""
    """What is right; without it the latest `better_answer` of a feedback."""


class AnnotationBody(Body):
    """An answer that is to be given to a question from now on."""

    message_id: Id | None = None
    """Takes the question and answer of that message where they are not given."""
    question: Annotated[Text, Field(min_length=1, max_length=MAX_QUERY_CHARACTERS)] | None = None
    answer: Annotated[Text, Field(min_length=1, max_length=100_000)] | None = None

    @model_validator(mode="after")
    def _says_enough(self) -> Self:
        if self.message_id is None and (self.question is None or self.answer is None):
            raise ValueError("send `question` and `answer`, or a `message_id`")
        return self
