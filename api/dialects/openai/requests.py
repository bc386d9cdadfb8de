"""What clients of OpenAI's API send. Fields that mean nothing here are ignored, as others do."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from api.dialects.dialect import Body
from api.dialects.openai.retrieval.requests import FileSearchTool
from api.dialects.openai.shared.errors import UnsupportedField
from api.dialects.turns import TEXTS, Part, Role, Said, last_asked, text_of
from api.resources.chat.requests import EndUser
from api.resources.fields import Text
from kb.protocols import Sampling

Count = Annotated[int, Field(ge=1, le=1 << 31)]

Tool = Annotated[
    Annotated[FileSearchTool, Tag("file_search")] | Annotated[Any, Tag("other")],
    Discriminator(lambda tool: "file_search" if _is_file_search(tool) else "other"),
]
"""Tools of other types are ignored."""

ROLES: dict[str, Role] = {
    "system": "instructions",
    "developer": "instructions",
    "user": "user",
    "assistant": "assistant",
}


class MessageBody(Body):
    """A message of the conversation that the client keeps."""

    role: Annotated[str, Field(max_length=50)] = "user"
    content: Text | list[Part] | None = None

    def said(self, *, is_question: bool = False) -> Said:
        """Its text. Raises UnsupportedField for a question with a picture, sound or file."""
        parts = self.content if isinstance(self.content, list) else []
        other = next((part.type for part in parts if part.type not in TEXTS), None)
        if is_question and other is not None:
            raise UnsupportedField(
                f"`messages` holds a part of type {other!r}; only text is read. Upload the file "
                f"as a document, or send its text."
            )
        whole = self.content if isinstance(self.content, str) else text_of(parts)
        return Said(ROLES.get(self.role, "other"), whole)


class StreamOptions(Body):
    """How an answer is streamed."""

    include_usage: bool = False


class SamplingBody(Body):
    """How an answer is written, within what the app allows."""

    model: Annotated[Text, Field(min_length=1, max_length=300)]
    """An app's slug, also as `slug:base`, `slug:tuned` or `slug:plain` (without a search); for
    admin keys also the name of a registered model."""
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: Annotated[int, Field(ge=-(1 << 63), lt=1 << 63)] | None = None
    stop: Text | list[Text] | None = None
    user: EndUser | None = None
    """Whose conversation it is."""
    n: int | None = None
    response_format: dict[str, Any] | None = None

    def sampling(self, most: int | None) -> Sampling:
        """The settings for the model; `most` tokens. Raises UnsupportedField."""
        if self.n not in (None, 1):
            raise UnsupportedField("`n` must be 1: one answer is written at a time.")
        if self.response_format and self.response_format.get("type") != "text":
            raise UnsupportedField(
                "`response_format` may only be text: an answer quotes documents, in prose."
            )
        stop = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return Sampling(self.temperature, most, tuple(filter(None, stop)), self.seed, self.top_p)

    @property
    def tells_usage(self) -> bool:
        """Whether a stream ends with the tokens used."""
        return self.stream_options is not None and self.stream_options.include_usage


class ChatCompletionBody(SamplingBody):
    """A conversation that the assistant is to go on with."""

    asked_in: ClassVar[str] = "messages"
    messages: Annotated[list[MessageBody], Field(min_length=1, max_length=2000)]
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    modalities: list[str] | None = None

    def said(self) -> list[Said]:
        """The messages; those before the last of the user may hold what is not read."""
        if self.modalities and set(self.modalities) != {"text"}:
            raise UnsupportedField('`modalities` may only be ["text"].')
        asked = last_asked([m.role for m in self.messages], "messages")
        return [m.said(is_question=at == asked) for at, m in enumerate(self.messages)]


class CompletionBody(SamplingBody):
    """A text that a model is to go on with; of an app, a question."""

    asked_in: ClassVar[str] = "prompt"
    prompt: Text | Annotated[list[Text], Field(min_length=1, max_length=1)]
    max_tokens: Count | None = None

    def said(self) -> list[Said]:
        """The one prompt."""
        return [Said("user", self.prompt if isinstance(self.prompt, str) else self.prompt[0])]


class ResponseBody(SamplingBody):
    """A question, or the whole conversation: nothing is kept between requests."""

    asked_in: ClassVar[str] = "input"
    input: Text | Annotated[list[MessageBody], Field(min_length=1, max_length=2000)]
    instructions: Text | None = None
    max_output_tokens: Count | None = None
    previous_response_id: Any = None
    conversation: Any = None
    tools: list[Tool] | None = None
    include: list[Text] | None = None

    @property
    def file_search(self) -> FileSearchTool | None:
        """The tool that is honoured, if it is named. Raises UnsupportedField where two are."""
        named = [each for each in self.tools or () if isinstance(each, FileSearchTool)]
        if len(named) > 1:
            raise UnsupportedField("`tools`: name all `vector_store_ids` in one `file_search`.")
        return named[0] if named else None

    def said(self) -> list[Said]:
        """The messages. Raises UnsupportedField where a kept conversation is named."""
        for name in ("previous_response_id", "conversation"):
            if getattr(self, name) is not None:
                raise UnsupportedField(
                    f"`{name}` is not kept here: send the whole conversation in `input`."
                )
        first = [Said("instructions", self.instructions)] if self.instructions else []
        if isinstance(self.input, str):
            return [*first, Said("user", self.input)]
        asked = last_asked([m.role for m in self.input], "input")
        return first + [m.said(is_question=at == asked) for at, m in enumerate(self.input)]


class EmbeddingBody(Body):
    """Texts to be embedded."""

    model: Annotated[Text, Field(min_length=1, max_length=300)]
    input: Text | Annotated[list[Any], Field(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    input_type: Literal["query", "document", "passage"] = "document"
    """Which side of a search a text is on: models may tell them apart."""
    user: EndUser | None = None


def _is_file_search(tool: Any) -> bool:
    return isinstance(tool, FileSearchTool) or (
        isinstance(tool, dict) and tool.get("type") == "file_search"
    )
