"""The intent of a question, for rules of the switch: told by a classifier that a job has trained.

Its vector is that of a question, made by the encoder that was trained with it, or by the embedding
model that it was trained on where that was left as it is (`encoder` in `tuned.json`).
"""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from pathlib import Path

from kb.errors import KnowledgeBaseError
from kb.models.classify.classifier import Classifier
from kb.models.embed.embedders import Embedders
from kb.protocols import Embedder
from kb.store.engine.database import Database
from kb.store.tuning import tuned_models
from kb.types import Scope

logger = logging.getLogger(__name__)

SURE = 0.5
"""How likely an intent has to be: more likely than all others together."""


class Intents:
    """Opens each classifier once, by the name of its tuned model. Thread-safe."""

    def __init__(
        self, database: Database, tuning: Path, bases: Path | None, embedders: Embedders
    ) -> None:
        self._database = database
        self._tuning = tuning
        self._bases = bases or tuning / "bases"
        self._embedders = embedders
        self._open = lru_cache(maxsize=16)(self._opened)
        self._found = lru_cache(maxsize=256)(self._looked_up)

    def of(self, classifier: str, query: str) -> str | None:
        """The intent; None where the classifier is not sure, or cannot be used."""
        try:
            return self._found(classifier, query)
        except (KnowledgeBaseError, OSError, ValueError) as exc:  # not remembered: it may pass
            logger.warning("no intent by %r: %s", classifier, exc)
            return None

    def _looked_up(self, classifier: str, query: str) -> str | None:
        found, embedder = self._open(classifier)
        label, likely = found.label_of(embedder.embed_query(query)[0])
        return label if likely > SURE else None

    def _opened(self, name: str) -> tuple[Classifier, Embedder]:
        tuned = self._database.reading(tuned_models.get, Scope.admin(), name)
        folder = self._tuning / (tuned.folder or name)
        encoder = json.loads((folder / "tuned.json").read_text("utf-8")).get("encoder")
        base = self._bases / (encoder or "")
        place = str(base) if encoder and base.is_dir() else encoder or str(folder)
        return Classifier.of(folder), self._embedders.named(place)
