"""Embedders of any architecture, through sentence-transformers and torch.

The slow path: seconds to import, half a gigabyte, fp32. It runs what the fast one cannot, and is
never imported for the bundled model. No remote code, safetensors only (see `model_folder`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import tokenizers
import torch
from sentence_transformers import SentenceTransformer

from kb.errors import Rejected
from kb.models.embed.anchors import measured
from kb.models.embed.coverage import Coverage
from kb.models.embed.model_folder import ModelFolder
from kb.models.embed.priority import PriorityGate
from kb.models.embed.tokenizer import ModelTokenizer
from kb.protocols import Calibration, Vectors


class SentenceTransformerEmbedder:
    """Implements `kb.protocols.Embedder`, with the model's own query and document prompts."""

    away: str | None = None

    def __init__(self, folder: ModelFolder, *, threads: int, batch_size: int) -> None:
        if threads:
            torch.set_num_threads(threads)
        self.fingerprint = folder.fingerprint()
        self._model = _load(folder)
        self._batch_size = batch_size
        self._gate = PriorityGate()
        self.dimensions = int(self._model.get_embedding_dimension() or 0)
        self.tokenizer = _tokenizer(self._model, folder)
        self.coverage = Coverage(self.tokenizer)
        reserved = self.tokenizer.special_tokens + self._longest_prompt()
        self.max_tokens = int(self._model.get_max_seq_length() or 512) - reserved

    @cached_property
    def calibration(self) -> Calibration:
        """What its cosines are worth, measured."""
        return measured(self.embed_query, self.embed_documents, self.coverage)

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages, in the order given. Raises ValueError if one is over max_tokens."""
        lengths = [len(offsets) for offsets in self.tokenizer.offsets_batch(texts)]
        for position, length in enumerate(lengths):
            if length > self.max_tokens:
                raise ValueError(
                    f"Text {position} has {length} tokens; {self.fingerprint} reads "
                    f"{self.max_tokens}"
                )
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        waiting = sorted(range(len(texts)), key=lengths.__getitem__)
        while waiting:
            size = min(self._gate.batch_size(self._batch_size), len(waiting))
            batch = [waiting.pop() for _ in range(size)]
            with self._gate.documents():
                vectors[batch] = self._model.encode_document(
                    [texts[position] for position in batch],
                    batch_size=len(batch),
                    normalize_embeddings=True,
                    show_progress_bar=False,
                )
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """Vector of a question, shape (1, dimensions); an over-long question is cut."""
        cut = self.tokenizer.cut(text, self.max_tokens)
        with self._gate.query():
            encoded = self._model.encode_query(
                [cut], normalize_embeddings=True, show_progress_bar=False
            )
        return np.asarray(encoded, dtype=np.float32)

    def _longest_prompt(self) -> int:
        prompts = self._model.prompts.values()
        return max((len(self.tokenizer.offsets(prompt)) for prompt in prompts), default=0)


def _load(folder: ModelFolder) -> SentenceTransformer:
    try:
        return SentenceTransformer(
            str(folder.path),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            model_kwargs={"use_safetensors": True},
        )
    except (OSError, ValueError, ImportError, RuntimeError) as exc:
        raise Rejected(
            f"Embedding model {folder.name!r} cannot be loaded by sentence-transformers: {exc}"
        ) from exc


def _tokenizer(model: SentenceTransformer, folder: ModelFolder) -> ModelTokenizer:
    backend = getattr(model.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise Rejected(
            f"Embedding model {folder.name!r} has no fast tokenizer (tokenizer.json), which is "
            "needed to count its tokens. Choose another model."
        )
    # A copy, because sentence-transformers switches truncation on in its own.
    return ModelTokenizer(tokenizers.Tokenizer.from_str(backend.to_str()))
