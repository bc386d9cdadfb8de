"""Requests about language models."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from api.resources.fields import Body, Currency, Label, Name, Text

Secret = Annotated[Text, StringConstraints(min_length=1, max_length=4096)]
Price = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)]
Stops = Annotated[tuple[Text, ...], Field(max_length=16)]


def _day(text: str) -> str:
    return date.fromisoformat(text).isoformat()


Day = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$"), AfterValidator(_day)]


class _PriceBody(Body):
    price_in: Price | None = None
    """Per million prompt tokens."""
    price_out: Price | None = None
    """Per million answer tokens."""
    price_cached: Price | None = None
    """Per million prompt tokens that the provider had in a cache; null: as for the others."""
    currency: Currency = "USD"


class DatedPrice(_PriceBody):
    """What tokens cost from a day (UTC) on."""

    valid_from: Day


class _Clearable(_PriceBody):
    """What a model may have or lack: null in a change takes it away."""

    base_url: Text | None = None
    """The endpoint, up to and including `/v1`: plain ASCII, without user, query and fragment; left
    out, that of the provider."""
    api_key: Secret | None = None
    """The provider's key; it is stored encrypted and never shown again."""
    prices: Annotated[tuple[DatedPrice, ...], Field(max_length=100)] = ()
    """In place of the price above, each from its day on; answers before keep what they cost."""
    first_token_timeout_s: Seconds | None = None
    """Instead of `KB_LLM__FIRST_TOKEN_TIMEOUT_S`."""
    gap_timeout_s: Seconds | None = None
    """Instead of `KB_LLM__GAP_TIMEOUT_S`."""
    total_timeout_s: Seconds | None = None
    """Instead of `KB_LLM__TOTAL_TIMEOUT_S`."""
    shutdown_at: Day | None = None
    """The day (UTC) on which the provider ends it: from then on base answers for tuned."""


class ModelBody(_Clearable):
    """A language model behind an OpenAI-compatible endpoint."""

    name: Label
    """What variants call it."""
    provider: Name = "openai"
    """One of `GET /v1/models/providers`, or a LlamaIndex class as `llama_index:module:Class`."""
    model: Name
    """What the provider calls it."""
    style: Literal["chat", "completion"] = "chat"
    separator: Text = ""
    """Ends the text that a completion model continues, verbatim."""
    stop: Stops = ()
    options: dict[Name, Any] = Field(default_factory=dict)
    """Sent along with every request, as the provider wants them."""


class DefaultBody(Body):
    """Which model answers where a variant names none."""

    name: Label | None
    """A registered model, or `extractive`; null leaves it to the settings."""


class ModelChange(_Clearable):
    """What is to change in a model; what is not given stays, also its key."""

    provider: Name | None = None
    model: Name | None = None
    style: Literal["chat", "completion"] | None = None
    separator: Text | None = None
    stop: Stops | None = None
    options: dict[Name, Any] | None = None

    def changes(self) -> dict[str, Any]:
        """The given fields; null empties those that may be empty and leaves the others."""
        given = self.model_dump(exclude_unset=True)
        if _PriceBody.model_fields.keys() & given.keys():
            given.setdefault("prices", ())  # the price given counts from now on
        empty = _Clearable.model_fields
        return {key: value for key, value in given.items() if value is not None or key in empty}
