"""An embedder without a model: fast, deterministic, offline, for tests and trials.

It knows no meaning: two texts are alike as far as they share words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from kb.models.embed.tokenizer import WordTokenizer
from kb.protocols import CALIBRATION, Vectors

DIMENSIONS = 64
MAX_TOKENS = 254


class HashEmbedder:
    """Adds a fixed pseudo-random direction per word. Implements `kb.protocols.Embedder`."""

    away: str | None = None
    fingerprint = f"hash@{DIMENSIONS}"
    dimensions = DIMENSIONS
    max_tokens = MAX_TOKENS
    calibration = CALIBRATION

    def __init__(self) -> None:
        self.tokenizer = WordTokenizer()

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, in the order given. Raises ValueError if one is over max_tokens."""
        rows = [[text[start:end] for start, end in self.tokenizer.offsets(text)] for text in texts]
        for position, tokens in enumerate(rows):
            if len(tokens) > MAX_TOKENS:
                raise ValueError(f"Text {position} has {len(tokens)} tokens; {MAX_TOKENS} are read")
        vectors = np.zeros((len(rows), DIMENSIONS), dtype=np.float32)
        for row, tokens in enumerate(rows):
            vectors[row] = _direction(tokens)
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """Vector of a question, shape (1, 64); an over-long question is cut."""
        tokens = [text[start:end] for start, end in self.tokenizer.offsets(text)[:MAX_TOKENS]]
        return _direction(tokens)[np.newaxis]

    def coverage(self, text: str) -> float:
        """Always 1: every word has a direction of its own, and none has a meaning."""
        return 1.0


def _direction(tokens: Sequence[str]) -> Vectors:
    # The constant first element keeps a text without words from having no direction at all.
    total = np.zeros(DIMENSIONS, dtype=np.float32)
    total[0] = 1e-3
    for token in tokens:
        digest = hashlib.blake2b(token.lower().encode("utf-8", "replace"), digest_size=8).digest()
        bits = np.unpackbits(np.frombuffer(digest, dtype=np.uint8))
        total += bits.astype(np.float32) * 2 - 1
    unit: Vectors = total / np.linalg.norm(total)
    return unit
