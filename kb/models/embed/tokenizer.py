"""The embedder's own tokenizer, through the `tokenizers` library, and a plain one without a model.

Published `tokenizer.json` files carry truncation and padding settings (the bundled one: 128), which
would cut counts silently. Both are switched off here, and nothing else may switch them on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import tokenizers

from kb.protocols import PortableTokenizer

_CHARACTERS = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
_TOKEN = re.compile(f"[{_CHARACTERS}]|[^\\W{_CHARACTERS}]+|[^\\w\\s]")


def open_tokenizer(spelled: str) -> PortableTokenizer:
    """The tokenizer that spells itself so."""
    if not spelled:
        return WordTokenizer()
    if spelled.startswith("{"):
        return ModelTokenizer(tokenizers.Tokenizer.from_str(spelled))
    from kb.models.embed.packed_model import packed_tokenizer

    return packed_tokenizer(Path(spelled))


class WordTokenizer:
    """A token is a word, a CJK character or a sign."""

    spelled = ""

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Character spans (start, end) of the tokens of a text."""
        return [match.span() for match in _TOKEN.finditer(text)]


class ModelTokenizer:
    """Counts and encodes text in the model's tokens. Thread-safe."""

    def __init__(self, tokenizer: tokenizers.Tokenizer) -> None:
        self.raw = tokenizer
        self.raw.no_truncation()
        self.raw.no_padding()
        self.special_tokens: int = self.raw.num_special_tokens_to_add(is_pair=False)
        self.spelled: str = self.raw.to_str()
        unknown = (self.raw.token_to_id(name) for name in ("[UNK]", "<unk>"))
        self._unknown = {token_id for token_id in unknown if token_id is not None}

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Character spans (start, end) of the content tokens of a text, special tokens left out."""
        offsets: list[tuple[int, int]] = self.raw.encode(text, add_special_tokens=False).offsets
        return offsets

    def offsets_batch(self, texts: Sequence[str]) -> list[Sequence[tuple[int, int]]]:
        """`offsets` of many texts, on all cores."""
        encodings = self.raw.encode_batch(list(texts), add_special_tokens=False)
        return [encoding.offsets for encoding in encodings]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids with the special tokens that the model expects, never cut."""
        return [encoding.ids for encoding in self.raw.encode_batch(list(texts))]

    def cut(self, text: str, max_tokens: int) -> str:
        """The text up to and including its token number `max_tokens`."""
        offsets = self.offsets(text)
        return text if len(offsets) <= max_tokens else text[: offsets[max_tokens - 1][1]]

    def pieces(self, word: str) -> int:
        """How many tokens a word falls into within a text; 0 if a part of it is unknown."""
        # Behind a blank, as within a text: some vocabularies have other tokens for its beginning.
        ids = self.raw.encode(f" {word}", add_special_tokens=False).ids
        return 0 if self._unknown.intersection(ids) else len(ids)

    def vocabulary(self) -> list[str]:
        """All tokens, as text: byte-level vocabularies spell them in stand-in characters."""
        ids = range(self.raw.get_vocab_size())
        tokens: list[str] = self.raw.decode_batch([[token_id] for token_id in ids])
        return tokens
