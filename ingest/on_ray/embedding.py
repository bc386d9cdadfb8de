"""Embeds texts in actors of Ray, each of which holds the model in its processors or on its GPU.

An actor that dies is started again, elsewhere if its node is gone, and what it had in hand is done
anew: embedding a text twice gives the same vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import ray
from ray.exceptions import RayError, RayTaskError
from ray.util import ActorPool

from kb.errors import EmbedderMismatch, Unavailable
from kb.iteration import batched
from kb.models.embed.embedders import open_embedder
from kb.protocols import Calibration, Embedder, PortableTokenizer, Vectors
from kb.settings import Settings
from kb.settings_sections import EmbeddingSettings

TEXTS_AT_ONCE = 64
"""Of one call: a few batches of the model, sorted by length, so that actors end together."""


class RayEmbedder:
    """Embeds documents in actors, and all else as the embedder of this process does."""

    def __init__(self, settings: Settings, name: str, own: Embedder) -> None:
        """
        Args:
            name: under which the actors open it, on nodes that have the same image.
            own: the same embedder in this process: it tells tokens, and names the model.
        """
        self._own, at, wanted = own, settings.embedding, settings.ray
        self.away: str | None = None
        options = {"num_cpus": wanted.embedder_cpus, "num_gpus": wanted.embedder_gpus}
        actor = ray.remote(_Embedding).options(**options, max_restarts=-1, max_task_retries=-1)
        made = [actor.remote(name, at, own.fingerprint) for _ in range(wanted.embedders)]
        self._pool = ActorPool(made)

    @property
    def fingerprint(self) -> str:
        """As `Embedder.fingerprint`."""
        return self._own.fingerprint

    @property
    def dimensions(self) -> int:
        """As `Embedder.dimensions`."""
        return self._own.dimensions

    @property
    def max_tokens(self) -> int:
        """As `Embedder.max_tokens`."""
        return self._own.max_tokens

    @property
    def calibration(self) -> Calibration:
        """As `Embedder.calibration`."""
        return self._own.calibration

    @property
    def tokenizer(self) -> PortableTokenizer:
        """As `Embedder.tokenizer`."""
        return self._own.tokenizer

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """As `Embedder.embed_documents`; one caller at a time. Raises Unavailable, too."""
        parts = list(batched(texts, TEXTS_AT_ONCE))
        try:
            found = list(self._pool.map(lambda actor, part: actor.embed.remote(part), parts))
        except RayTaskError as exc:
            raise exc.cause from exc
        except (RayError, ConnectionError) as exc:
            raise Unavailable("The cluster that embeds documents cannot be reached.") from exc
        empty = np.empty((0, self.dimensions), np.float32)
        return np.concatenate(found) if found else empty

    def embed_query(self, text: str) -> Vectors:
        """As `Embedder.embed_query`."""
        return self._own.embed_query(text)

    def coverage(self, text: str) -> float:
        """As `Embedder.coverage`."""
        return self._own.coverage(text)


class _Embedding:
    """An actor: the model in a process of its own."""

    def __init__(self, name: str, at: EmbeddingSettings, fingerprint: str) -> None:
        self._embedder = open_embedder(
            name, cache_dir=Path("models"), threads=at.threads, batch_size=at.batch_size
        )
        if self._embedder.fingerprint != fingerprint:
            raise EmbedderMismatch("Ray", fingerprint, self._embedder.fingerprint)

    def embed(self, texts: Sequence[str]) -> Vectors:
        return self._embedder.embed_documents(texts)
