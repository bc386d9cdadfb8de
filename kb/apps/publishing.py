"""Attaching what a training job has made to an app, as its tuned variant.

The model is registered as it was trained (style, separator, stop), and the app's draft names it.
Nobody is answered by it until the draft is published and the switch or a roll-out says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from kb.apps import comparing, configuring, registering
from kb.apps.comparing import Difference
from kb.apps.gates import Figures, Gates, not_met
from kb.chat.ask.prompting import uses
from kb.errors import Rejected
from kb.store.access.secrets import Secrets
from kb.store.apps import apps, models
from kb.store.engine.database import Transaction
from kb.types import Failure, Model, Retrieval, Scope, TunedModel, Variant


@dataclass(frozen=True, slots=True)
class Attachment:
    """How a tuned model is to answer for an app.

    Attributes:
        base_url: where it is served.
        figures: of an evaluation.
        served_as: what the server there calls it; None takes the tuned model's own name.
        prompt: None takes what fits its training: the question alone for a completion model, no
            prompt for a chat model.
        retrieval: None asks without a search, as most models are trained.
        template: the chat template that the server renders by, if it is known.
    """

    app: str
    base_url: str | None
    figures: Figures
    gates: Gates
    served_as: str | None = None
    prompt: str | None = None
    retrieval: Retrieval | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    api_key: str | None = None
    shutdown_at: str | None = None
    template: str | None = None


@dataclass(frozen=True, slots=True)
class Attached:
    """The model as it is registered, what publishing the draft would change, and warnings."""

    model: Model
    revision: int
    differences: list[Difference]
    warnings: tuple[Failure, ...]


def attach(
    tx: Transaction,
    scope: Scope,
    vault: Secrets,
    tuned: TunedModel,
    wanted: Attachment,
    *,
    link_local_hosts: str = "",
) -> Attached:
    """Register a tuned model, or change its registration, and put it into the draft of an app.

    Raises:
        NotFound: there is no such app.
        Rejected: the model does not write answers, or its address is not one of a model server.
    """
    if tuned.task not in ("chat", "completion"):
        raise Rejected(f"{tuned.name!r} was trained to {tuned.task}, not to answer.")
    app = apps.get(tx, scope, wanted.app)
    model = _registered(tx, scope, vault, _model(tuned, wanted), link_local_hosts)
    before, _ = apps.draft(tx, scope, app.id)
    variant = Variant(
        model=model.name,
        prompt=wanted.prompt if wanted.prompt is not None else _usual_prompt(model),
        retrieval=wanted.retrieval,
        temperature=wanted.temperature,
        max_tokens=wanted.max_tokens,
    )
    draft = configuring.set_draft(tx, scope, app.id, replace(before, tuned=variant), None)
    found = comparing.compare(tx, scope, app.id, app.version, "draft") if app.version else []
    warnings = (*draft.warnings, *_warnings(tuned, variant, wanted))
    return Attached(model, draft.revision, found, warnings)


def _model(tuned: TunedModel, wanted: Attachment) -> Model:
    return Model(
        name=tuned.name,
        provider="openai",
        base_url=wanted.base_url,
        model=tuned.remote_model or wanted.served_as or tuned.name,
        style="completion" if tuned.task == "completion" else "chat",
        separator=tuned.separator,
        stop=tuned.stop,
        shutdown_at=wanted.shutdown_at,
        api_key=wanted.api_key,
    )


def _registered(tx: Transaction, scope: Scope, vault: Secrets, model: Model, hosts: str) -> Model:
    """The model, registered; one that is known keeps its prices, deadlines, options and key."""
    if models.find(tx, scope, vault, model.name) is None:
        registering.add(tx, scope, vault, model, link_local_hosts=hosts)
        return model
    fields = ("base_url", "model", "style", "separator", "stop", "shutdown_at", "api_key")
    given = {name: getattr(model, name) for name in fields if getattr(model, name) is not None}
    return registering.change(tx, scope, vault, model.name, given, link_local_hosts=hosts)


def _usual_prompt(model: Model) -> str:
    return "{{query}}" if model.style == "completion" else ""


def _warnings(tuned: TunedModel, variant: Variant, wanted: Attachment) -> Iterator[Failure]:
    if wanted.template is not None and _hash(wanted.template) != tuned.template_hash:
        yield Failure(
            "template_differs",
            "It is served with another chat template than it was trained with, which makes its "
            "answers worse without an error. Serve it with the template.jinja of its folder.",
        )
    if tuned.task == "chat" and uses(variant.prompt or "", "query"):
        yield Failure(
            "question_twice",
            "A chat model gets the question as the user's message anyway: with {{query}} in the "
            "prompt it gets it twice, which no training row had.",
        )
    yield from not_met(wanted.figures, wanted.gates)


def _hash(template: str) -> str:
    """As `tune/templates.py` names a template."""
    return hashlib.sha256(template.encode()).hexdigest()[:16]
