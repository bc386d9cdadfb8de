"""Apps, their variants and the models behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kb.types.search import Retrieval

VariantName = Literal["base", "tuned"]
InputType = Literal["text", "paragraph", "number", "select", "boolean"]


@dataclass(frozen=True, slots=True)
class Price:
    """Money per million tokens, from a day (YYYY-MM-DD, UTC) on; without `price_cached`, what the
    provider had in its cache costs as much as the rest of the prompt."""

    price_in: float | None = None
    price_out: float | None = None
    price_cached: float | None = None
    currency: str = "USD"
    valid_from: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A language model behind an OpenAI-compatible endpoint, as the operator registered it.

    `style` "completion" sends one text that ends in `separator`; separator and stop are verbatim.
    The three timeouts go before those of the settings; None leaves it to them. From the day
    `shutdown_at` (YYYY-MM-DD, UTC) on, a tuned variant gives way to base instead of asking.
    `prices` begin later than the one in the other fields.
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
    price_cached: float | None = None
    currency: str = "USD"
    prices: tuple[Price, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    first_token_timeout_s: float | None = None
    gap_timeout_s: float | None = None
    total_timeout_s: float | None = None
    shutdown_at: str | None = None
    api_key: str | None = field(default=None, repr=False)

    def price(self, day: str) -> Price:
        """What its tokens cost on a day: the price that has begun last."""
        first = Price(self.price_in, self.price_out, self.price_cached, self.currency)
        begun = (price for price in self.prices if price.valid_from <= day)
        return max(begun, key=lambda price: price.valid_from, default=first)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to answer: a model, its hidden prompt and its retrieval profile.

    `model` names a registered model; None takes the configured default, and "extractive" answers
    without one. `retrieval` None is plain chat. `prompt` None takes the app's prompt.
    With a `draft_model`, that one writes a draft first (from `draft_prompt`; None takes the app's
    prompt) and `model` finishes it: `{{draft}}` in its prompt is the draft.
    """

    model: str | None = None
    prompt: str | None = field(default=None, repr=False)
    retrieval: Retrieval | None = Retrieval()
    temperature: float | None = None
    max_tokens: int | None = None
    draft_model: str | None = None
    draft_prompt: str | None = field(default=None, repr=False)

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the models it asks, in their order; the configured default is not named."""
        return tuple(name for name in (self.draft_model, self.model) if name is not None)


@dataclass(frozen=True, slots=True)
class InputVariable:
    """A value that the client may hand to the hidden prompt as `{{inputs.name}}`.

    `label` is what a form shows; `options` are the choices of a select; `max_length` counts the
    characters of a text or paragraph, None takes the limit of the type.
    """

    name: str
    required: bool = False
    default: str = ""
    type: InputType = "text"
    label: str = ""
    options: tuple[str, ...] = ()
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class AppContent:
    """What an app answers with. The draft holds one; publishing freezes it under a number.

    `quotable` are parts of the prompt that may be said as they are.
    """

    prompt: str = field(default="", repr=False)
    inputs: tuple[InputVariable, ...] = ()
    dataset_ids: tuple[str, ...] = ()
    base: Variant = Variant()
    tuned: Variant | None = None
    refusal: str = ""
    quotable: tuple[str, ...] = ()

    @property
    def models(self) -> frozenset[str]:
        """The names of the models that its variants ask."""
        variants = filter(None, (self.base, self.tuned))
        return frozenset(name for variant in variants for name in variant.models)


@dataclass(frozen=True, slots=True)
class PublishedDataset:
    """How a dataset was processed when a version was published.

    `processing` is a hash of its cleaning and splitting; equal hashes cut documents alike.
    """

    id: str
    name: str
    generation: int
    embedder: str
    processing: str


DRAFT = 0
"""Stands for the draft among the numbers of versions, which begin at 1."""


@dataclass(frozen=True, slots=True)
class AppVersion:
    """A published, immutable content of an app, and the state its datasets were in."""

    app_id: str
    version: int
    content: AppContent
    created_at: str
    datasets: tuple[PublishedDataset, ...] = ()


@dataclass(frozen=True, slots=True)
class RouteRule:
    """Sends a question to a variant when every condition that is given holds.

    `keywords`: the question contains one of them. `languages`: it is written in one of them
    (ISO 639-1). `dataset_ids`: the best hit comes from one of them. `score_at_least` and
    `score_below`: the best hit's score, which is 0 where nothing was found. `intent`: what
    `classifier`, the name of a tuned model, says of the question.
    """

    keywords: tuple[str, ...] = ()
    variant: VariantName = "base"
    languages: tuple[str, ...] = ()
    dataset_ids: tuple[str, ...] = ()
    score_at_least: float | None = None
    score_below: float | None = None
    intent: str | None = None
    classifier: str | None = None

    @property
    def needs_search(self) -> bool:
        """Whether it can be judged only by what a search has found."""
        scores = (self.score_at_least, self.score_below)
        return bool(self.dataset_ids) or any(score is not None for score in scores)


@dataclass(frozen=True, slots=True)
class RoutePolicy:
    """The fine-tune switch of an app: `percent` is the tuned share in "split" mode."""

    mode: Literal["base", "tuned", "split"] = "base"
    percent: int = 0
    rules: tuple[RouteRule, ...] = ()


@dataclass(frozen=True, slots=True)
class App:
    """A chat application over datasets. `version` is the published one, None if there is none.

    `inputs` are those of the published version: what a client may be asked to fill in. So alike a
    question must be to get a fixed answer (`kb/chat/ask/curated.py`); 1 takes the same words only.
    """

    id: str
    slug: str
    name: str
    icon: str
    opening: str
    suggested_questions: tuple[str, ...]
    route: RoutePolicy
    version: int | None
    created_at: str
    inputs: tuple[InputVariable, ...] = ()
    annotation_score: float = 0.75
