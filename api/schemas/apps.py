"""Requests about apps: the app, its draft, its route."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from api.schemas.common import Body, Id, Label, Name, Slug, Text
from kb.types import (
    AppContent,
    InputVariable,
    Retrieval,
    RoutePolicy,
    RouteRule,
    SearchMode,
    Variant,
    VariantName,
)

Questions = Annotated[tuple[Name, ...], Field(max_length=20)]
Icon = Annotated[Text, StringConstraints(max_length=200)]


class AppBody(Body):
    """A new app."""

    slug: Slug
    name: Name
    icon: Icon = ""
    opening: Text = ""
    """What the app says before the first question."""
    suggested_questions: Questions = ()


class AppChange(Body):
    """What is to change in an app; what is not given stays."""

    slug: Slug | None = None
    name: Name | None = None
    icon: Icon | None = None
    opening: Text | None = None
    suggested_questions: Questions | None = None

    def changes(self) -> dict[str, Any]:
        """The given fields."""
        return self.model_dump(exclude_none=True)


class RetrievalBody(Body):
    """How a variant looks for its context."""

    top_k: Annotated[int, Field(ge=1, le=100)] = 8
    mode: SearchMode = "hybrid"
    min_score: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0
    context_tokens: Annotated[int, Field(ge=100, le=200_000)] = 3000
    """Most tokens of sources that go into the prompt."""

    def to_retrieval(self) -> Retrieval:
        """The domain type."""
        return Retrieval(**self.model_dump())


class VariantBody(Body):
    """One way to answer."""

    model: Label | None = None
    """A registered model; null takes the configured one, `extractive` needs none."""
    prompt: Text | None = None
    """Null takes the app's prompt."""
    retrieval: RetrievalBody | None = None
    """Not given: the app's. Null: plain chat without documents."""
    temperature: Annotated[float, Field(ge=0, le=2, allow_inf_nan=False)] | None = None
    max_tokens: Annotated[int, Field(ge=1, le=1_000_000)] | None = None

    def to_variant(self, default: Retrieval) -> Variant:
        """The domain type; `default` is the app's retrieval."""
        retrieval: Retrieval | None = default
        if "retrieval" in self.model_fields_set:
            retrieval = self.retrieval.to_retrieval() if self.retrieval else None
        return Variant(self.model, self.prompt, retrieval, self.temperature, self.max_tokens)


class InputBody(Body):
    """A value that clients may hand to the prompt."""

    name: Annotated[str, StringConstraints(pattern=r"^\w[\w-]{0,63}$")]
    required: bool = False
    default: Text = ""


class DraftBody(Body):
    """What an app answers with."""

    prompt: Text = ""
    """The hidden prompt: `{{context}}`, `{{query}}` and `{{inputs.name}}` are filled in."""
    inputs: Annotated[tuple[InputBody, ...], Field(max_length=50)] = ()
    dataset_ids: Annotated[tuple[Id, ...], Field(max_length=100)] = ()
    retrieval: RetrievalBody = RetrievalBody()
    base: VariantBody = VariantBody()
    tuned: VariantBody | None = None
    refusal: Text = ""
    """Said instead of an answer when nothing is found; empty leaves it to the model."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [item.name for item in self.inputs]
        if len(set(names)) < len(names):
            raise ValueError("two of the `inputs` have the same name")
        return self

    def to_content(self) -> AppContent:
        """The domain type."""
        default = self.retrieval.to_retrieval()
        return AppContent(
            prompt=self.prompt,
            inputs=tuple(InputVariable(**item.model_dump()) for item in self.inputs),
            dataset_ids=tuple(dict.fromkeys(self.dataset_ids)),
            base=self.base.to_variant(default),
            tuned=self.tuned.to_variant(default) if self.tuned else None,
            refusal=self.refusal,
        )


class RouteRuleBody(Body):
    """Sends questions with one of the words to a variant."""

    keywords: Annotated[tuple[Name, ...], Field(min_length=1, max_length=100)]
    variant: VariantName


class RouteBody(Body):
    """The fine-tune switch."""

    mode: Literal["base", "tuned", "split"]
    percent: Annotated[int, Field(ge=0, le=100)] = 0
    """The tuned share in split mode; a conversation never changes sides."""
    rules: Annotated[tuple[RouteRuleBody, ...], Field(max_length=100)] = ()

    def to_policy(self) -> RoutePolicy:
        """The domain type."""
        rules = tuple(RouteRule(rule.keywords, rule.variant) for rule in self.rules)
        return RoutePolicy(self.mode, self.percent, rules)


class RollbackBody(Body):
    """Which version is to answer again."""

    version: Annotated[int, Field(ge=1, le=1_000_000_000)]
