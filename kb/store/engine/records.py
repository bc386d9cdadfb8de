"""Between JSON columns and the frozen types: one function each way for every such type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from kb.types import (
    AppContent,
    Citation,
    Failure,
    InputVariable,
    Model,
    Processing,
    Retrieval,
    RoutePolicy,
    RouteRule,
    Span,
    SplitOptions,
    Variant,
)
from kb.types.search import with_new_names

Json = Mapping[str, Any]


def processing_from(value: Json) -> Processing:
    """A dataset's processing."""
    return Processing(
        clean=dict(value["clean"]),
        split=SplitOptions(**value["split"]),
        custom_regex=tuple(value["custom_regex"]),
        clean_max_share=value["clean_max_share"],
    )


def processing_to(value: Processing) -> dict[str, Any]:
    """The stored form of a dataset's processing."""
    return {
        "clean": dict(value.clean),
        "split": asdict(value.split),
        "custom_regex": list(value.custom_regex),
        "clean_max_share": value.clean_max_share,
    }


def failure_from(value: Json | None) -> Failure | None:
    """A stored failure, if there is one."""
    return None if value is None else Failure(**value)


def failure_to(value: Failure | None) -> dict[str, Any] | None:
    """The stored form of a failure, if there is one."""
    return None if value is None else asdict(value)


def spans_from(value: list[list[int]]) -> tuple[Span, ...]:
    """Spans stored as [page, start, end] triples."""
    return tuple(Span(*triple) for triple in value)


def spans_to(value: tuple[Span, ...]) -> list[list[int]]:
    """The stored form of spans."""
    return [[span.page, span.start, span.end] for span in value]


def variant_from(value: Json) -> Variant:
    """A variant with its retrieval profile."""
    retrieval = value.get("retrieval")
    return Variant(**{**value, "retrieval": _retrieval_from(retrieval) if retrieval else None})


def _retrieval_from(value: Json) -> Retrieval:
    """A retrieval profile; options that are gone are passed over where they are stored."""
    kept = {name: given for name, given in value.items() if name not in ("expand", "diversity")}
    return Retrieval(**with_new_names(kept))


def inputs_from(value: Iterable[Json]) -> tuple[InputVariable, ...]:
    """The input variables of an app."""
    return tuple(
        InputVariable(**{**item, "options": tuple(item.get("options", ()))}) for item in value
    )


def content_from(value: Json) -> AppContent:
    """An app's draft or version."""
    return AppContent(
        prompt=value["prompt"],
        inputs=inputs_from(value["inputs"]),
        dataset_ids=tuple(value["dataset_ids"]),
        base=variant_from(value["base"]),
        tuned=variant_from(value["tuned"]) if value["tuned"] else None,
        refusal=value["refusal"],
        quotable=tuple(value.get("quotable", ())),
    )


def content_to(value: AppContent) -> dict[str, Any]:
    """The stored form of an app's content."""
    return asdict(value)


def route_from(value: Json) -> RoutePolicy:
    """An app's route policy."""
    rules = tuple(_rule_from(rule) for rule in value["rules"])
    return RoutePolicy(mode=value["mode"], percent=value["percent"], rules=rules)


def _rule_from(value: Json) -> RouteRule:
    lists = {key: tuple(given) for key, given in value.items() if isinstance(given, list)}
    return RouteRule(**{**value, **lists})


def route_to(value: RoutePolicy) -> dict[str, Any]:
    """The stored form of a route policy."""
    return asdict(value)


def model_from(name: str, value: Json, api_key: str | None) -> Model:
    """A registered model with its opened key."""
    return Model(name=name, **{**value, "stop": tuple(value["stop"])}, api_key=api_key)


def model_to(value: Model) -> dict[str, Any]:
    """The stored form of a model, without its name and its key."""
    fields = asdict(value)
    del fields["name"], fields["api_key"]
    return fields


def citation_from(value: Json) -> Citation:
    """A stored citation."""
    return Citation(**value)
