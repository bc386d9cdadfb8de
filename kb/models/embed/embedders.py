"""The embedders in use: the configured one, and those of datasets that were built with another.

A dataset keeps the name of its embedder. So after KB_EMBEDDING__MODEL was changed it is still
searched with the model that it was built with, until it is re-indexed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from kb.errors import EmbedderMismatch
from kb.protocols import Embedder
from kb.types import Dataset


class Embedders:
    """Opens each embedder once, by name. Thread-safe."""

    def __init__(self, configured: str, open_one: Callable[[str], Embedder]) -> None:
        """Open the configured embedder; what `open_one` raises passes through."""
        self.configured = configured
        self._open = open_one
        self._opened = {configured: open_one(configured)}
        self._turn = threading.Lock()

    @property
    def default(self) -> Embedder:
        """The configured embedder: that of new datasets."""
        return self._opened[self.configured]

    def named(self, name: str) -> Embedder:
        """The embedder of that name. Raises Rejected when it is not on this machine."""
        with self._turn:
            if name not in self._opened:
                self._opened[name] = self._open(name)
            return self._opened[name]

    def of(self, dataset: Dataset) -> Embedder:
        """The embedder whose vectors a dataset holds."""
        return self.matching(dataset.name, dataset.model, dataset.embedder)

    def matching(self, dataset_name: str, model: str | None, fingerprint: str) -> Embedder:
        """The embedder of that fingerprint.

        Raises:
            EmbedderMismatch: the model of that name is another one by now, or there is no name
                and the configured one is another.
            Rejected: the model is not on this machine.
        """
        if self.default.fingerprint == fingerprint:
            return self.default
        found = self.default if model is None else self.named(model)
        if found.fingerprint != fingerprint:
            raise EmbedderMismatch(dataset_name, fingerprint, found.fingerprint)
        return found
