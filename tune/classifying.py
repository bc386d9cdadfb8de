"""A trained classifier without torch: a linear layer on the vector that an encoder makes.

The vector is that of a question (`embed_query`) by the folder that lies beside the head, or, where
the encoder was left as it is (`encoder` in `tuned.json`), by that base model: for the bundled
embedder it is the vector that a search has made already.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

HEAD, LABELS = "head.safetensors", "labels.json"


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """`weight` has a row for each label, as wide as the vectors; `bias` a number for each."""

    labels: tuple[str, ...]
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    @classmethod
    def of(cls, folder: Path) -> Classifier:
        """Read a model of the task `classify`. Raises OSError where it is none."""
        head = load_file(folder / HEAD)
        labels = json.loads((folder / LABELS).read_text(encoding="utf-8"))
        return cls(tuple(labels), head["weight"], head["bias"])

    def label_of(self, vector: NDArray[np.float32]) -> tuple[str, float]:
        """The most likely label of a vector of length 1, and how likely it is, 0 to 1."""
        logits = self.weight @ vector + self.bias
        odds = np.exp(logits - logits.max())
        best = int(odds.argmax())
        return self.labels[best], float(odds[best] / odds.sum())
