"""What each kind of embedding server takes, as data: `styles.toml` has a table for each."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from kb.outbound.addresses import host_of

Role = Literal["query", "document"]


@dataclass(frozen=True, slots=True)
class Style:
    """How a request looks.

    Attributes:
        path: what follows the base URL.
        texts: the field that holds them.
        dimensions: the field that asks for so many.
        most_texts: of one request, as `most_tokens` are.
        hosts: whose addresses are of this style.
        always: what else is sent.
        query: what is sent along with questions; `document` with passages.
    """

    name: str
    path: str
    texts: str
    dimensions: str
    most_texts: int
    most_tokens: int
    hosts: tuple[str, ...] = ()
    always: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)

    def of(self, role: Role) -> Mapping[str, Any]:
        """What tells questions and passages apart."""
        return self.query if role == "query" else self.document

    def address(self, base_url: str) -> str:
        """Where requests go; the base URL may have the path already."""
        return base_url.rstrip("/").removesuffix(self.path) + self.path


@cache
def styles() -> Mapping[str, Style]:
    """Every style by its name."""
    told = tomllib.loads((files("kb.models.embed_url") / "styles.toml").read_text("utf-8"))
    return {
        name: Style(name, **{**table, "hosts": tuple(table.get("hosts", ()))})
        for name, table in told.items()
    }


def style_of(name: str | None, base_url: str) -> Style:
    """The style of that name; without one, as the address tells."""
    if name is not None:
        return styles()[name]
    host = host_of(base_url)
    known = next((style for style in styles().values() if host in style.hosts), None)
    is_tei = base_url.rstrip("/").endswith(styles()["tei"].path)
    return known or styles()["tei" if is_tei else "openai"]
