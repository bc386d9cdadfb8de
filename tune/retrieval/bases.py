"""The encoders that come along, as base models of training jobs: nothing has to be fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kb.models.embed.embedders import BUNDLED, ENGLISH, english_folder

COME_ALONG = (BUNDLED, ENGLISH)
FEW = 500
"""Questions below which more epochs at a higher rate are better than a run of a few dozen steps."""


def hyperparameters(questions: int) -> dict[str, Any]:
    """What embedders learn with. A large batch, because its other passages are told apart."""
    return {
        "n_epochs": 4 if questions < FEW else 2,
        "learning_rate": 1e-4 if questions < FEW else 5e-5,
        "batch_size": 32,
        "warmup": 0.1,
        "schedule": "linear",
        "max_tokens": 128,
        "early_stopping": 0,
    }


def base_folder(name: str, bases: Path) -> Path:
    """The folder of a base model; that of `bundled` is written where it is first needed (240 MB).

    Raises:
        Rejected: the model of that name is not on this machine.
    """
    if name == ENGLISH:
        return english_folder()
    folder = bases.resolve() / name
    if name == BUNDLED and not folder.exists():
        from kb.models.embed.unpacking import unpack

        unpack(folder)
    return folder
