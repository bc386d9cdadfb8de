"""Rerankers that read question and passage together, through sentence-transformers and torch."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import torch
from sentence_transformers import CrossEncoder

from kb.models.embed.model_folder import ModelFolder


class CrossEncoderReranker:
    """Implements `kb.protocols.Reranker`. Texts that are too long are cut by the model."""

    def __init__(self, folder: ModelFolder) -> None:
        # The sigmoid is asked for, because models differ in whether they apply one themselves.
        self._model = CrossEncoder(
            str(folder.path),
            device="cpu",
            local_files_only=True,
            trust_remote_code=False,
            activation_fn=torch.nn.Sigmoid(),
            model_kwargs={"use_safetensors": True},
        )
        self._turn = threading.Lock()

    def relevance(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each passage answers the question, 0..1, in the order given."""
        if not texts:
            return []
        with self._turn:
            scores = self._model.predict([(query, text) for text in texts], show_progress_bar=False)
        return [float(score) for score in scores]
