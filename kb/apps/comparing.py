"""Where two contents of an app differ, field by field; texts also as a unified diff."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from kb.store.apps import apps
from kb.store.engine.database import Transaction
from kb.types import AppContent, PublishedDataset, Scope

_TEXTS = ("prompt", "refusal")


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs, named by its path, such as `base.temperature`.

    None on a side: not there, or not set. `diff` is the unified diff of a text without its head.
    """

    field: str
    before: Any
    after: Any
    diff: str | None


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared: a content and the state of its datasets."""

    content: AppContent
    datasets: Sequence[PublishedDataset]


def compare(
    tx: Transaction,
    scope: Scope,
    app: str,
    before: int | Literal["draft"],
    after: int | Literal["draft"],
) -> list[Difference]:
    """What differs between two versions, or a version and the draft. Raises NotFound."""
    return differences(_side(tx, scope, app, before), _side(tx, scope, app, after))


def differences(before: Side, after: Side) -> list[Difference]:
    """The fields that differ, in the order in which a draft has them.

    Inputs are told apart by their name and datasets by their id, so that a change of order among
    inputs is none. Prompts are in it: for admins only.
    """
    old, new = _fields(before), _fields(after)
    return [
        _difference(field, old.get(field), new.get(field))
        for field in dict.fromkeys([*old, *new])
        if old.get(field) != new.get(field)
    ]


def _side(tx: Transaction, scope: Scope, app: str, name: int | Literal["draft"]) -> Side:
    if name == "draft":
        content, _ = apps.draft(tx, scope, app)
        return Side(content, apps.dataset_states(tx, scope, content.dataset_ids))
    found = apps.version(tx, scope, app, name)
    return Side(found.content, found.datasets)


def _difference(field: str, before: Any, after: Any) -> Difference:
    is_text = field.rpartition(".")[2].endswith(_TEXTS)
    return Difference(field, before, after, _diff(before, after) if is_text else None)


def _diff(before: str | None, after: str | None) -> str:
    lines = difflib.unified_diff(
        (before or "").splitlines(), (after or "").splitlines(), lineterm=""
    )
    return "\n".join(list(lines)[2:])


def _fields(side: Side) -> dict[str, Any]:
    content = asdict(side.content)
    content["inputs"] = {item["name"]: item for item in content["inputs"]}
    states = {state.id: asdict(state) for state in side.datasets}
    return {**_flat(content, ""), **_flat({"datasets": states}, "")}


def _flat(value: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Leaves by their path; what is not set is left out, so that it equals what is not there."""
    found: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            found |= _flat(inner, f"{path}{name}.")
        elif inner is not None and inner != ():
            found[f"{path}{name}"] = list(inner) if isinstance(inner, tuple) else inner
    return found
