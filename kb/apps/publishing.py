"""Attaching what a training job has made to an app, as its tuned variant.

The model is registered as it was trained (style, separator, stop), and the app's draft names it.
Nobody is answered by it until the draft is published and the switch or a roll-out says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kb.apps import comparing, configuring
from kb.apps.comparing import Difference
from kb.apps.gates import Gates, figures, not_met
from kb.chat.ask.prompting import uses
from kb.errors import Rejected
from kb.models.llm.addresses import check_base_url
from kb.store.access.secrets import Secrets
from kb.store.apps import apps, models
from kb.store.engine.database import Transaction
from kb.types import Failure, Model, Retrieval, Scope, TunedModel, Variant


@dataclass(frozen=True, slots=True)
class Attachment:
    """How a tuned model is to answer for an app.

    Attributes:
        base_url: where it is served.
        report: of an evaluation; empty takes what the job has measured.
        served_as: what the server there calls it; None takes the tuned model's own name.
        prompt: None takes what fits its training: the question alone for a completion model, no
            prompt for a chat model.
        retrieval: None asks without a search, as most models are trained.
        template: the chat template that the server renders by, if it is known.
    """

    app: str
    base_url: str | None
    report: Mapping[str, Any]
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
        Rejected: the model does not write answers, or nobody says where it is served.
    """
    if tuned.task not in ("chat", "completion"):
        raise Rejected(f"{tuned.name!r} was trained to {tuned.task}, not to answer.")
    app = apps.get(tx, scope, wanted.app)
    model = _registered(tx, scope, vault, tuned, wanted, link_local_hosts)
    before, _ = apps.draft(tx, scope, app.id)
    usual = "{{query}}" if model.style == "completion" else ""
    variant = Variant(
        model=model.name,
        prompt=usual if wanted.prompt is None else wanted.prompt,
        retrieval=wanted.retrieval,
        temperature=wanted.temperature,
        max_tokens=wanted.max_tokens,
    )
    draft = configuring.set_draft(tx, scope, app.id, replace(before, tuned=variant), None)
    found = comparing.compare(tx, scope, app.id, app.version, "draft") if app.version else []
    shut = not_met(figures(tx, scope, tuned.name, wanted.report), wanted.gates)
    warnings = (*draft.warnings, *_warnings(tuned, variant, wanted), *shut)
    return Attached(model, draft.revision, found, warnings)


def _registered(
    tx: Transaction,
    scope: Scope,
    vault: Secrets,
    tuned: TunedModel,
    wanted: Attachment,
    link_local_hosts: str,
) -> Model:
    """The model, registered; one that is known keeps what is not given, such as its key."""
    known = models.find(tx, scope, vault, tuned.name) or Model(tuned.name, "openai", None, "")
    base_url = wanted.base_url or known.base_url
    if base_url is None and tuned.remote_model is None:
        raise Rejected("Say where the model is served, with `base_url` or `serving`.")
    if base_url is not None:
        check_base_url(base_url, link_local_hosts)
    model = replace(
        known,
        base_url=base_url,
        model=wanted.served_as or tuned.remote_model or tuned.name,
        style="completion" if tuned.task == "completion" else "chat",
        separator=tuned.separator,
        stop=tuned.stop,
        shutdown_at=wanted.shutdown_at or known.shutdown_at,
        api_key=wanted.api_key or known.api_key,
    )
    models.put(tx, scope, vault, model)
    return model


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


def _hash(template: str) -> str:
    """As `tune/trainers/templates.py` names a template."""
    return hashlib.sha256(template.encode()).hexdigest()[:16]
