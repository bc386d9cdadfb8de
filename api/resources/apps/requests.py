"""Requests about apps: the app, its draft, its route."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from api.resources.fields import Body, Id, Label, Name, RetrievalOptions, Slug, Text
from kb.chat.ask.chat_models import EXTRACTIVE
from kb.chat.ask.inputs import MAX_LENGTHS, checked_value
from kb.errors import Rejected
from kb.text.languages import LANGUAGES
from kb.types import (
    AppContent,
    InputType,
    InputVariable,
    Retrieval,
    RoutePolicy,
    RouteRule,
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
    annotation_score: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    """So alike a question must be to get a fixed answer; 1 takes the same wording only."""

    def changes(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


class RetrievalBody(RetrievalOptions):
    """How a variant looks for its context."""

    sure_score: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0
    """Score of the best hit from which on an answer is grounded, 0 for the usual one; between
    `min_score` and it an answer is weak."""
    context_tokens: Annotated[int, Field(ge=100, le=200_000)] = 3000
    """Most tokens of sources that go into the prompt."""


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
    draft_model: Label | None = None
    """Writes a draft first, which `model` finishes; `{{draft}}` in the prompt is the draft."""
    draft_prompt: Text | None = None
    """What the draft is written from; null takes the app's prompt."""

    @model_validator(mode="after")
    def _a_draft_is_finished_by_a_model(self) -> Self:
        if self.draft_model is not None and self.model == EXTRACTIVE:
            raise ValueError("`extractive` quotes documents and cannot finish a draft")
        return self

    def to_variant(self, default: Retrieval) -> Variant:
        """The domain type; `default` is the app's retrieval."""
        retrieval: Retrieval | None = default
        if "retrieval" in self.model_fields_set:
            retrieval = self.retrieval.to(Retrieval) if self.retrieval else None
        return Variant(**{**self.model_dump(), "retrieval": retrieval})


class InputBody(Body):
    """A value that clients may hand to the prompt."""

    name: Annotated[str, StringConstraints(pattern=r"^\w[\w-]{0,63}$")]
    required: bool = False
    default: Text = ""
    type: InputType = "text"
    label: Annotated[Text, StringConstraints(max_length=200)] = ""
    """What a form shows."""
    options: Annotated[tuple[Name, ...], Field(max_length=200)] = ()
    """The choices of a select."""
    max_length: Annotated[int, Field(ge=1, le=200_000)] | None = None
    """Most characters of a text (1,000 if not given) or paragraph (20,000)."""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.type == "select") != bool(self.options):
            raise ValueError("a `select` needs `options`, and only a select has them")
        if self.max_length is not None and self.type not in MAX_LENGTHS:
            raise ValueError("only a `text` or `paragraph` has a `max_length`")
        try:
            checked_value(replace(self.to(InputVariable), default=""), self.default)
        except Rejected as exc:
            raise ValueError(f"the default does not fit: {exc.detail.rstrip('.')}") from exc
        return self


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
    quotable: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    """Texts of the prompt that answers may repeat word for word, such as contacts."""
    warnings: list[dict[str, str]] = Field(default_factory=list)
    """Comes with a draft that is read, and is ignored when it is sent back."""
    quotable_by_order: list[str] = Field(default_factory=list)
    """What the prompts order to say, which may be said; ignored when it is sent back."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [item.name for item in self.inputs]
        if len(set(names)) < len(names):
            raise ValueError("two of the `inputs` have the same name")
        return self

    def to_content(self) -> AppContent:
        default = self.retrieval.to(Retrieval)
        return AppContent(
            prompt=self.prompt,
            inputs=tuple(item.to(InputVariable) for item in self.inputs),
            dataset_ids=tuple(dict.fromkeys(self.dataset_ids)),
            base=self.base.to_variant(default),
            tuned=self.tuned.to_variant(default) if self.tuned else None,
            refusal=self.refusal,
            quotable=self.quotable,
        )


def _known_language(code: str) -> str:
    if code not in LANGUAGES:
        raise ValueError(f"is none of {', '.join(sorted(LANGUAGES))}")
    return code


Language = Annotated[str, AfterValidator(_known_language)]
Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class RouteRuleBody(Body):
    """Sends questions to a variant if every condition that is given holds."""

    variant: VariantName
    keywords: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    """The question contains one of them."""
    languages: Annotated[tuple[Language, ...], Field(max_length=20)] = ()
    """The question is written in one of them, as `en` or `zh`."""
    dataset_ids: Annotated[tuple[Id, ...], Field(max_length=100)] = ()
    """The best hit comes from one of them."""
    score_at_least: Score | None = None
    """The best hit scores as much or more."""
    score_below: Score | None = None
    """The best hit scores less, or nothing is found."""
    intent: Name | None = None
    """What `classifier` says of the question."""
    classifier: Label | None = None
    """A tuned model of the task `classify`."""

    @model_validator(mode="after")
    def _has_a_condition(self) -> Self:
        if (self.intent is None) != (self.classifier is None):
            raise ValueError("`intent` and `classifier` go together")
        if self.to(RouteRule) == RouteRule(variant=self.variant):
            raise ValueError("a rule needs a condition, such as `keywords`")
        return self


class RouteBody(Body):
    """The fine-tune switch."""

    mode: Literal["base", "tuned", "split"]
    percent: Annotated[int, Field(ge=0, le=100)] = 0
    """The tuned share in split mode; a conversation never changes sides."""
    rules: Annotated[tuple[RouteRuleBody, ...], Field(max_length=100)] = ()

    def to_policy(self) -> RoutePolicy:
        return RoutePolicy(
            self.mode, self.percent, tuple(rule.to(RouteRule) for rule in self.rules)
        )


class RollbackBody(Body):
    """Which version is to answer again."""

    version: Annotated[int, Field(ge=1, le=1_000_000_000)]
