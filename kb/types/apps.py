"""Apps, their variants and the models behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kb.types.search import Retrieval

VariantName = Literal["base", "tuned"]


@dataclass(frozen=True, slots=True)
class Model:
    """A language model behind an OpenAI-compatible endpoint, as the operator registered it.

    `style` "completion" sends one text that ends in `separator`; separator and stop are verbatim.
    `api_key` is a secret: it is encrypted at rest and never leaves through the API.
    """

    name: str
    provider: str
    base_url: str | None
    model: str
    style: Literal["chat", "completion"] = "chat"
    separator: str = ""
    stop: tuple[str, ...] = ()
    price_in: float | None = None
    price_out: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    api_key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to answer: a model, its hidden prompt and its retrieval profile.

    `model` names a registered model; None takes the configured default, and "extractive" answers
    without one. `retrieval` None is plain chat. `prompt` None takes the app's prompt.
    """

    model: str | None = None
    prompt: str | None = field(default=None, repr=False)
    retrieval: Retrieval | None = Retrieval()
    temperature: float | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class InputVariable:
    """A value that the client may hand to the hidden prompt as `{{inputs.name}}`."""

    name: str
    required: bool = False
    default: str = ""


@dataclass(frozen=True, slots=True)
class AppContent:
    """What an app answers with. The draft holds one; publishing freezes it under a number."""

    prompt: str = field(default="", repr=False)
    inputs: tuple[InputVariable, ...] = ()
    dataset_ids: tuple[str, ...] = ()
    base: Variant = Variant()
    tuned: Variant | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class AppVersion:
    """A published, immutable content of an app."""

    app_id: str
    version: int
    content: AppContent
    created_at: str


@dataclass(frozen=True, slots=True)
class RouteRule:
    """Sends a question to a variant when its text contains one of the keywords."""

    keywords: tuple[str, ...]
    variant: VariantName


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """The fine-tune switch of an app: `percent` is the tuned share in "split" mode."""

    mode: Literal["base", "tuned", "split"] = "base"
    percent: int = 0
    rules: tuple[RouteRule, ...] = ()


@dataclass(frozen=True, slots=True)
class App:
    """A chat application over datasets. `version` is the published one, None if there is none."""

    id: str
    slug: str
    name: str
    icon: str
    opening: str
    suggested_questions: tuple[str, ...]
    route: RoutePolicy
    version: int | None
    created_at: str
