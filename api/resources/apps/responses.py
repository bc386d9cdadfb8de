"""Answers about apps, their versions and the models behind them.

Hidden prompts leave only through drafts, versions and differences, which only admins read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import MISSING, BeforeValidator, Field, model_validator

from api.resources.response import Response, Sometimes, Timestamp, unless
from kb.apps.checking import Check
from kb.chat.ask import inputs
from kb.chat.ask.prompting import ordered_texts
from kb.models.llm.circuit import Health
from kb.types import App, AppContent, Failure, InputVariable, Model, Price, PublishedDataset
from kb.types import Retrieval as RetrievalProfile
from kb.types.apps import InputType, VariantName
from kb.types.search import SearchMode

Warnings = Annotated[tuple[Failure, ...] | MISSING, unless(())]
"""What an operator should know, if there is anything."""

Texts = Annotated[tuple[str, ...] | MISSING, unless(())]


class RouteRuleResponse(Response):
    """Sends questions to a variant if every condition that is given holds."""

    variant: VariantName
    keywords: Texts = MISSING
    languages: Texts = MISSING
    dataset_ids: Texts = MISSING
    score_at_least: Sometimes[float] = MISSING
    score_below: Sometimes[float] = MISSING
    intent: Sometimes[str] = MISSING
    classifier: Sometimes[str] = MISSING


class RoutePolicyResponse(Response):
    """How the fine-tune switch stands."""

    mode: Literal["base", "tuned", "split"]
    percent: int
    rules: tuple[RouteRuleResponse, ...]
    warnings: Warnings = MISSING


class FormField(Response):
    """What a form needs to ask for a value of the prompt; the default stays with the prompt."""

    name: str
    required: bool
    """Whether it must be sent: what has a default may be left out."""
    type: InputType
    label: str
    options: tuple[str, ...]
    max_length: int | None

    @model_validator(mode="before")
    @classmethod
    def _of(cls, value: Any) -> Any:
        if not isinstance(value, InputVariable):
            return value
        fields = {name: getattr(value, name) for name in cls.model_fields}
        must = value.required and not value.default
        return {**fields, "required": must, "max_length": inputs.max_length(value)}


class AppResponse(Response):
    """An app; how it is routed and what to be warned of is for admins."""

    id: str
    slug: str
    name: str
    icon: str
    opening: str
    suggested_questions: tuple[str, ...]
    inputs: tuple[FormField, ...]
    version: int | None
    """The published one."""
    created_at: Timestamp
    route: RoutePolicyResponse | MISSING = MISSING
    has_tuned: Sometimes[bool] = MISSING
    annotation_score: float | MISSING = MISSING
    warnings: Warnings = MISSING

    @classmethod
    def public(cls, app: App) -> Self:
        """As clients of the app see it."""
        hidden = dict.fromkeys(("route", "annotation_score"), MISSING)
        return cls.model_validate(app).model_copy(update=hidden)

    @classmethod
    def whole(cls, app: App, has_tuned: bool, warnings: tuple[Failure, ...]) -> Self:
        """As admins see it."""
        more = {"has_tuned": has_tuned, "warnings": warnings or MISSING}
        return cls.model_validate(app).model_copy(update=more)


class RetrievalResponse(Response):
    """A retrieval profile: what everybody sets, and of the rest what is not the default."""

    top_k: int
    mode: SearchMode
    min_score: float
    sure_score: Annotated[float | MISSING, unless(0.0)] = MISSING
    context_tokens: int
    merge_neighbours: Annotated[bool | MISSING, unless(True)] = MISSING
    deduplicate: Annotated[bool | MISSING, unless(True)] = MISSING
    rerank: Annotated[bool | MISSING, unless(True)] = MISSING


class VariantResponse(Response):
    """One way to answer; without `retrieval` it looks for its context as the app does."""

    model: str | None
    prompt: str | None
    retrieval: RetrievalResponse | MISSING | None = MISSING
    temperature: float | None
    max_tokens: int | None
    draft_model: Sometimes[str] = MISSING
    draft_prompt: Sometimes[str] = MISSING


class InputResponse(Response):
    """A variable of the prompt; of what a plain text does not need only what is set."""

    name: str
    required: bool
    default: str
    type: Annotated[InputType | MISSING, unless("text")] = MISSING
    label: Annotated[str | MISSING, unless("")] = MISSING
    options: Texts = MISSING
    max_length: Sometimes[int] = MISSING


class ContentResponse(Response):
    """A draft or version in the form in which it can be sent back."""

    prompt: str
    inputs: tuple[InputResponse, ...]
    dataset_ids: tuple[str, ...]
    retrieval: RetrievalResponse
    base: VariantResponse
    tuned: VariantResponse | None
    refusal: str
    quotable: Texts = MISSING
    quotable_by_order: Texts = MISSING
    """What the prompts order to say, which may be said without standing in `quotable`."""
    warnings: Warnings = MISSING

    @model_validator(mode="before")
    @classmethod
    def _of(cls, value: Any) -> Any:
        """The retrieval that base uses is the app's; variants with the same do not repeat it."""
        if not isinstance(value, AppContent):
            return value
        usual = value.base.retrieval or (value.tuned and value.tuned.retrieval)
        fields = {name: getattr(value, name) for name in AppContent.__slots__}
        for name in ("base", "tuned"):
            if (variant := fields[name]) is not None:
                shown = VariantResponse.model_validate(variant)
                same = variant.retrieval == (usual or RetrievalProfile())
                fields[name] = shown.model_copy(update={"retrieval": MISSING}) if same else shown
        retrieval = usual or RetrievalProfile()
        return {**fields, "retrieval": retrieval, "quotable_by_order": ordered_texts(value)}


class VersionResponse(Response):
    """A published version, and how its datasets stood when it was published."""

    version: int
    created_at: Timestamp
    content: ContentResponse
    datasets: tuple[PublishedDataset, ...]


class DifferenceResponse(Response):
    """A field that differs; `diff` is the unified diff of a text."""

    field: str
    before: Any = Field(serialization_alias="from")
    after: Any = Field(serialization_alias="to")
    diff: Sometimes[str] = MISSING


class ComparisonResponse(Response):
    """What differs between two versions, or a version and the draft, field by field."""

    before: int | Literal["draft"] = Field(serialization_alias="from")
    after: int | Literal["draft"] = Field(serialization_alias="to")
    differences: tuple[DifferenceResponse, ...]


class ModelResponse(Response):
    """A language model; of its provider's key only whether there is one."""

    name: str
    provider: str
    base_url: str | None
    model: str
    style: Literal["chat", "completion"]
    separator: str
    stop: tuple[str, ...]
    price_in: float | None
    price_out: float | None
    price_cached: float | None
    currency: str
    prices: tuple[Price, ...]
    options: Mapping[str, Any]
    first_token_timeout_s: float | None
    gap_timeout_s: float | None
    total_timeout_s: float | None
    shutdown_at: str | None
    has_api_key: Annotated[bool, BeforeValidator(lambda key: key is not None)] = Field(
        validation_alias="api_key"
    )
    health: Health | None = None
    """Null until it was asked."""
    warnings: tuple[Failure, ...] = ()

    @classmethod
    def of(cls, model: Model, health: Health | None, warnings: tuple[Failure, ...]) -> Self:
        """A model, how it does and what to be warned of."""
        more = {"health": health, "warnings": warnings}
        return cls.model_validate(model).model_copy(update=more)


class DefaultModel(Response):
    """The model that answers where a variant names none, and what decides so."""

    name: str | None
    """Null: sentences of the documents are quoted."""
    source: Literal["chosen", "settings", "none"]
    """What an operator has chosen goes before the settings."""


class ModelTestResponse(Response):
    """Whether the model answered a tiny prompt, and what works of it."""

    ok: bool
    first_token_ms: float | None
    total_ms: float
    text: str
    error: str | None
    """Why it did not answer."""
    checks: tuple[Check, ...]
