"""What is known of each provider, as data: `providers.toml` has a table for each."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from kb.errors import Rejected
from kb.types import Model

OPENAI, LLAMA_INDEX = "openai", "llama_index"


@dataclass(frozen=True, slots=True)
class Quirks:
    """Where a provider differs from OpenAI's API in what it takes.

    Attributes:
        key_header: the header that holds the key, in place of `Authorization: Bearer`.
        length_field: what the limit of an answer is called.
        temperature: lowest and highest; others are moved to the nearer of the two.
        unsupported: fields that it refuses.
        renamed: what it calls fields.
        in_address: options that stand in the query of the address.
        no_system: a pattern of models without a system message; it goes into the user's first.
        cumulative: a pattern of models of which each chunk holds all of the text so far.
    """

    key_header: str = "authorization"
    length_field: str = "max_tokens"
    temperature: tuple[float, ...] = (0.0, 2.0)
    unsupported: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    in_address: tuple[str, ...] = ()
    no_system: str = "(?!)"
    cumulative: str = "(?!)"


@dataclass(frozen=True, slots=True)
class Preset:
    """A provider: `provider` of a model names it.

    Attributes:
        base_url: None where it must be given; `base_urls` are others, such as of other regions.
        key_from: where its keys are made; empty: it needs none.
        models: examples.
        lists_models: `GET /models` at its address tells them.
        options: sent along with every request unless the model's own say otherwise.
        llama_index: the class that speaks to it, where it has no OpenAI-compatible endpoint.
        package: what pip is told to install for it.
    """

    name: str
    title: str
    base_url: str | None = None
    base_urls: tuple[str, ...] = ()
    key_from: str = ""
    models: tuple[str, ...] = ()
    lists_models: bool = True
    note: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    quirks: Quirks = Quirks()
    llama_index: str | None = None
    package: str = ""


PLAIN = Preset(OPENAI, "Any OpenAI-compatible endpoint")
"""What a model is whose provider is not named, at an address that is not OpenAI's."""


@cache
def presets() -> Mapping[str, Preset]:
    """Every provider that is known, by its name."""
    text = (files("kb.models.providers") / "providers.toml").read_text("utf-8")
    return {name: _preset(name, told) for name, told in tomllib.loads(text).items()}


def preset_of(model: Model) -> Preset:
    """What is known of a model's provider."""
    known = presets().get(model.provider, PLAIN)
    is_other = known.name == OPENAI and model.base_url not in (None, known.base_url)
    return PLAIN if is_other else known


def options_of(model: Model) -> dict[str, Any]:
    """What is sent along with every request: the provider's defaults, then the model's own."""
    return {**preset_of(model).options, **model.options}


def class_of(model: Model) -> str | None:
    """`<module>:<Class>` of the LlamaIndex class that speaks to it, None where none is needed."""
    prefix, _, path = model.provider.partition(":")
    return path if prefix == LLAMA_INDEX else preset_of(model).llama_index


def base_url_of(provider: str, given: str | None) -> str | None:
    """The address of a model of a provider, None where a LlamaIndex class knows it.

    Raises:
        Rejected: it has to be given.
    """
    known = presets().get(provider)
    is_class = provider.startswith(f"{LLAMA_INDEX}:") or (known and known.llama_index)
    if given is not None or is_class:
        return given
    if known is None:
        raise Rejected(
            f"The provider {provider!r} is not known, so its base_url is needed: the address up to "
            "and including /v1. GET /v1/models/providers lists those that are known."
        )
    if known.base_url is None:
        raise Rejected(f"{known.title} needs a base_url, such as {' or '.join(known.base_urls)}.")
    return known.base_url


def matches(pattern: str, model: Model) -> bool:
    """Whether a quirk is one of this model."""
    return re.search(pattern, model.model, re.IGNORECASE) is not None


def _preset(name: str, told: Mapping[str, Any]) -> Preset:
    quirks = _tuples(told.get("quirks", {}))
    return Preset(name, **_tuples({**told, "quirks": Quirks(**quirks)}))


def _tuples(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in told.items()}
