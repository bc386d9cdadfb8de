"""What the product itself says to who asks, in their language: no model, no document says it."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

Occasion = Literal[
    "refused", "weak", "unfinished", "words_only", "opening", "thanks", "farewell", "agreement",
    "failed", "model_failed", "key_ended"
]  # fmt: skip


def fixed_sentence(occasion: Occasion, language: str) -> str:
    """The sentence for an occasion, in a language of `spoken_language`; `unfinished` has a place
    for a `count`."""
    return fixed_sentences()[language][occasion]


@cache
def fixed_sentences() -> dict[str, dict[Occasion, str]]:
    """Language → occasion → sentence."""
    return tomllib.loads((files("kb.text") / "fixed_sentences.toml").read_text("utf-8"))
