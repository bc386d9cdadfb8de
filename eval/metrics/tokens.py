"""The tokens that budgets are counted in: those of the bundled embedding model, so no network and
no second tokenizer. English comes to about 1.3 tokens a word, Chinese and Japanese to one a
character."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import tokenizers

from kb.models.embed.embedders import english_folder
from kb.models.embed.tokenizer import ModelTokenizer


def offsets(text: str) -> Sequence[tuple[int, int]]:
    """Where the tokens of a text start and end."""
    return _tokenizer().offsets(text)


@lru_cache(maxsize=1)
def _tokenizer() -> ModelTokenizer:
    path = english_folder() / "tokenizer.json"
    return ModelTokenizer(tokenizers.Tokenizer.from_file(str(path)))
