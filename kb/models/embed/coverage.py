"""How well a model knows the script and the words of a text, judged by its vocabulary alone.

A model that never learned a language still returns vectors for it, and they rank noise. A
vocabulary cannot prove understanding, but it betrays ignorance: unknown words fall to pieces, and
unknown scripts have few tokens. The value weighs vector search against keyword search.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache

from kb.models.embed.encoder import EncodingTokenizer
from kb.text.scripts import VOCABULARY_SCRIPTS

FULL_SCRIPT_TOKENS = 3000
"""Tokens of one script from which a vocabulary counts as made for it. The bundled English model
holds 488 of Han; a Chinese one of the same family holds about 7,000."""
CHARACTER_WEIGHT = 2.5
"""Letters that a character of an unspaced script stands for: two make a word, as five do here."""

REMEMBERED_UNITS = 65_536
"""Words and characters whose score is kept, about 8 MB: they repeat (Zipf), and the tokenizer
takes 0.1 ms for a passage."""

_GROUPS = "|".join(f"(?P<{name}>[{characters}])" for name, characters in VOCABULARY_SCRIPTS.items())
_UNIT = re.compile(f"{_GROUPS}|(?P<word>[^\\W\\d_{''.join(VOCABULARY_SCRIPTS.values())}]+)")


class Coverage:
    """Scores texts against one vocabulary.

    Words of alphabetic scripts count 1 / (tokens they fall into): a common word is one token, a
    word of another language three to five. Characters of the scripts in `VOCABULARY_SCRIPTS` count
    min(1, tokens of that script / 3000), because such vocabularies hold single characters whether
    or not the model learned to read them. Unknown tokens count 0. Digits and signs are left out.
    The result is the mean; a word weighs its letters (short words look alike in many languages),
    a character of an unspaced script 2.5.

    Args:
        full: the mean that counts as 1. A vocabulary of a hundred languages holds fewer words of
            each whole.

    Source: ours. The 1/pieces part is the inverse of tokenizer fertility (Rust et al., "How Good
    is Your Tokenizer?", ACL 2021), which follows a model's quality in a language.
    """

    def __init__(self, tokenizer: EncodingTokenizer, full: float = 1.0) -> None:
        self._tokenizer = tokenizer
        self._full = full
        self._known = lru_cache(maxsize=REMEMBERED_UNITS)(self._unit)

    @cached_property
    def _script_shares(self) -> dict[str, float]:
        # Made when it is first needed: it takes 0.3 s for 250,000 tokens.
        tokens = "\0".join(self._tokenizer.vocabulary())
        return {
            name: min(1.0, len(re.findall(f"[{characters}][^\0]*", tokens)) / FULL_SCRIPT_TOKENS)
            for name, characters in VOCABULARY_SCRIPTS.items()
        }

    def __call__(self, text: str) -> float:
        """0 (the model knows nothing of it) to 1; a text without letters is 1."""
        known = [
            self._known(unit.group(), unit.lastgroup or "word") for unit in _UNIT.finditer(text)
        ]
        weights = sum(weight for _, weight in known)
        return min(1.0, sum(part for part, _ in known) / weights / self._full) if weights else 1.0

    def _unit(self, unit: str, script: str) -> tuple[float, float]:
        """What a word or a character adds, and what it would add if the model knew it."""
        weight = len(unit) if script == "word" else CHARACTER_WEIGHT
        pieces = self._tokenizer.pieces(unit)
        if not pieces:
            return 0.0, weight
        return weight * (1 / pieces if script == "word" else self._script_shares[script]), weight
