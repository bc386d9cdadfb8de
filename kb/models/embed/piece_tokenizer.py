"""A tokenizer of the SentencePiece family, for a vocabulary whose model file is not at hand.

The `tokenizers` library opens the same vocabulary, too, but in twice the time and five times the
memory (281 against 55 MB for 250,037 tokens), and every reader process has one.

Source: Kudo, "Subword Regularization", ACL 2018 (Unigram).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import sentencepiece
from sentencepiece import sentencepiece_model_pb2


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Tokens: the UTF-8 bytes of number i are `text[bounds[i]:bounds[i + 1]]`.

    `first` and `last` stand around a text, `unwritten` are those that no text gives, these two
    among them.
    """

    text: bytes
    bounds: npt.NDArray[np.uint32]
    scores: npt.NDArray[np.float32]
    unknown: int
    first: int
    last: int
    unwritten: Sequence[int]

    def tokens(self) -> list[str]:
        """All of them in order."""
        return [self.text[begin:end].decode() for begin, end in pairwise(self.bounds.tolist())]


class PieceTokenizer:
    """A `kb.models.embed.encoder.EncodingTokenizer`. Thread-safe."""

    special_tokens = 2

    def __init__(self, vocabulary: Vocabulary, spelled: str) -> None:
        self._vocabulary = vocabulary
        self.spelled = spelled
        self._model = sentencepiece.SentencePieceProcessor()
        self._model.LoadFromSerializedProto(_model(vocabulary))

    def offsets(self, text: str) -> Sequence[tuple[int, int]]:
        """Character spans (start, end) of the tokens of a text; that of a blank is empty."""
        found = self._model.EncodeAsOffsetMapping(text)["offsets"]
        # A word's first token has the blank before it.
        return [(end - len(text[start:end].lstrip()), end) for start, end in found]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids with the first and the last one, never cut."""
        first, last = self._vocabulary.first, self._vocabulary.last
        return [[first, *ids, last] for ids in self._model.EncodeAsIds(list(texts))]

    def cut(self, text: str, max_tokens: int) -> str:
        """The text up to and including its token number `max_tokens`."""
        offsets = self.offsets(text)
        return text if len(offsets) <= max_tokens else text[: offsets[max_tokens - 1][1]]

    def pieces(self, word: str) -> int:
        """How many tokens a word falls into; 0 if a part of it is unknown."""
        ids = self._model.EncodeAsIds(word)
        return 0 if self._vocabulary.unknown in ids else len(ids)

    def vocabulary(self) -> list[str]:
        """All tokens, as text; the first one of a word begins with ▁."""
        return self._vocabulary.tokens()


def _model(vocabulary: Vocabulary) -> bytes:
    """A SentencePiece model of this vocabulary that normalises text as XLM-RoBERTa's does."""
    trained = io.BytesIO()
    # The map of characters of these rules is only to be had in a model that is trained with them.
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(["a b"]),
        model_writer=trained,
        vocab_size=8,
        hard_vocab_limit=False,
        num_threads=1,
        normalization_rule_name="nmt_nfkc",
        minloglevel=9,
    )
    protocol: Any = sentencepiece_model_pb2
    model = protocol.ModelProto.FromString(trained.getvalue())
    del model.pieces[:]
    for token, score in zip(vocabulary.tokens(), vocabulary.scores.tolist(), strict=True):
        model.pieces.add(piece=token, score=score)
    kinds = protocol.ModelProto.SentencePiece
    for token_id in vocabulary.unwritten:
        model.pieces[token_id].type = kinds.CONTROL
    model.pieces[vocabulary.unknown].type = kinds.UNKNOWN
    serialized: bytes = model.SerializeToString()
    return serialized
