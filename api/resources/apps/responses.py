"""Apps, their versions and what is said about their answers, as JSON objects.

Hidden prompts leave only through `content` and `difference`: what an admin reads of drafts and
versions.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from kb.access import Caller
from kb.apps.comparing import Difference
from kb.chat.ask import inputs
from kb.types import (
    Annotation,
    App,
    AppContent,
    AppVersion,
    Feedback,
    InputVariable,
    Retrieval,
    RoutePolicy,
    Variant,
)

Json = dict[str, Any]


def app(value: App, caller: Caller) -> Json:
    """An app; how it is routed is for admins."""
    public = {
        "id": value.id,
        "slug": value.slug,
        "name": value.name,
        "icon": value.icon,
        "opening": value.opening,
        "suggested_questions": list(value.suggested_questions),
        "inputs": [_form_field(item) for item in value.inputs],
        "version": value.version,
        "created_at": value.created_at,
    }
    return {**public, "route": route(value.route)} if caller.scope.may("admin") else public


def _form_field(value: InputVariable) -> Json:
    """What a form needs; the default belongs to the prompt and stays."""
    fields = asdict(value)
    del fields["default"]
    return {**fields, "max_length": inputs.max_length(value)}


def route(value: RoutePolicy) -> Json:
    """How the fine-tune switch stands; of a rule only the conditions it has."""
    rules = [
        {key: given for key, given in asdict(rule).items() if given not in ((), None)}
        for rule in value.rules
    ]
    return {"mode": value.mode, "percent": value.percent, "rules": rules}


def content(value: AppContent) -> Json:
    """A draft or version in the form in which it can be sent back: for admins only."""
    retrieval = value.base.retrieval or (value.tuned and value.tuned.retrieval) or Retrieval()
    return {
        "prompt": value.prompt,
        "inputs": [_input(item) for item in value.inputs],
        "dataset_ids": list(value.dataset_ids),
        "retrieval": _retrieval(retrieval),
        "base": _variant(value.base, retrieval),
        "tuned": _variant(value.tuned, retrieval) if value.tuned else None,
        "refusal": value.refusal,
        **({"quotable": list(value.quotable)} if value.quotable else {}),
    }


def _input(value: InputVariable) -> Json:
    """A variable; of what a plain text does not need only what is set."""
    plain = asdict(InputVariable(value.name))
    needed = ("name", "required", "default")
    return {k: given for k, given in asdict(value).items() if k in needed or given != plain[k]}


def _variant(value: Variant, default: Retrieval) -> Json:
    fields = asdict(value)
    for name in ("draft_model", "draft_prompt"):
        if fields[name] is None:
            del fields[name]
    if value.retrieval is not None:
        fields["retrieval"] = _retrieval(value.retrieval)
    if value.retrieval == default:  # left out, so that changing the app's retrieval changes it too
        del fields["retrieval"]
    return fields


_ALWAYS_TOLD = ("top_k", "mode", "min_score", "context_tokens")


def _retrieval(value: Retrieval) -> Json:
    """A profile: the four that everybody sets, and of the others what is not the default."""
    usual = asdict(Retrieval())
    given = asdict(value)
    return {k: v for k, v in given.items() if k in _ALWAYS_TOLD or v != usual[k]}


def version(value: AppVersion) -> Json:
    """A published version: for admins only."""
    return {
        "version": value.version,
        "created_at": value.created_at,
        "content": content(value.content),
        "datasets": [asdict(state) for state in value.datasets],
    }


def difference(value: Difference) -> Json:
    """A field that differs between two contents of an app: for admins only."""
    fields = {"field": value.field, "from": value.before, "to": value.after}
    return fields if value.diff is None else {**fields, "diff": value.diff}


def feedback(value: Feedback | None) -> Json | None:
    """What one side thinks of an answer, if it has said so."""
    return None if value is None else asdict(value)


def annotation(value: Annotation) -> Json:
    """An answer that is fixed for a question."""
    return {
        "id": value.id,
        "question": value.question,
        "answer": value.answer,
        "message_id": value.message_id,
        "created_at": value.created_at,
    }
