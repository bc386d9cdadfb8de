"""Requests about language models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from api.schemas.common import Body, Label, Name, Text
from kb.types import Model

Url = Annotated[Text, StringConstraints(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")]
Secret = Annotated[Text, StringConstraints(min_length=1, max_length=4096)]
Price = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Stops = Annotated[tuple[Text, ...], Field(max_length=16)]


class ModelBody(Body):
    """A language model behind an OpenAI-compatible endpoint."""

    name: Label
    """What variants call it."""
    provider: Name = "openai"
    base_url: Url | None = None
    """The endpoint, up to and including `/v1`."""
    api_key: Secret | None = None
    """The provider's key; it is stored encrypted and never shown again."""
    model: Name
    """What the provider calls it."""
    style: Literal["chat", "completion"] = "chat"
    separator: Text = ""
    """Ends the text that a completion model continues, verbatim."""
    stop: Stops = ()
    price_in: Price | None = None
    """Per million prompt tokens."""
    price_out: Price | None = None
    """Per million answer tokens."""
    options: dict[Name, Any] = Field(default_factory=dict)
    """Sent along with every request, as the provider wants them."""

    def to_model(self) -> Model:
        """The domain type."""
        return Model(**self.model_dump())


class ModelChange(Body):
    """What is to change in a model; what is not given stays, also its key."""

    provider: Name | None = None
    base_url: Url | None = None
    api_key: Secret | None = None
    model: Name | None = None
    style: Literal["chat", "completion"] | None = None
    separator: Text | None = None
    stop: Stops | None = None
    price_in: Price | None = None
    price_out: Price | None = None
    options: dict[Name, Any] | None = None

    def changes(self) -> dict[str, Any]:
        """The given fields; null empties those that may be empty and leaves the others."""
        given = self.model_dump(exclude_unset=True)
        return {key: value for key, value in given.items() if value is not None or key in _CLEARED}


_CLEARED = frozenset({"base_url", "api_key", "price_in", "price_out"})
