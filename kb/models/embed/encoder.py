"""A BERT encoder that is ready to be compiled, wherever its parts came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from kb.models.embed.model_folder import BertShape
from kb.protocols import Calibration, PortableTokenizer

Weights = Mapping[str, npt.NDArray[Any]]
Words = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.float32]]
"""Token ids (texts, tokens) to the rows that the word table has for them (texts, tokens, width)."""


class EncodingTokenizer(PortableTokenizer, Protocol):
    """What an encoder needs of its tokenizer. Thread-safe."""

    @property
    def special_tokens(self) -> int:
        """How many tokens the model expects around a text."""
        ...

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids with the special tokens that the model expects, never cut."""
        ...

    def cut(self, text: str, max_tokens: int) -> str:
        """The text up to and including its token number `max_tokens`."""
        ...

    def pieces(self, word: str) -> int:
        """How many tokens a word falls into within a text; 0 if a part of it is unknown."""
        ...

    def vocabulary(self) -> list[str]:
        """All tokens, as text."""
        ...


@dataclass(frozen=True, slots=True)
class Encoder:
    """The parts of a model. With `words`, the word table is not among the weights; `full_coverage`
    is the vocabulary's share (`Coverage`) that counts as knowing a language. Its tokenizer is
    opened beside the compiling, which takes as long. Without a `calibration` it is measured."""

    fingerprint: str
    open_tokenizer: Callable[[], EncodingTokenizer]
    shape: BertShape
    weights: Weights
    words: Words | None = None
    full_coverage: float = 1.0
    calibration: Calibration | None = None
