"""Rows for tests, in few words."""

from __future__ import annotations

from typing import Any

from tune.types import TrainingRow, TrainingTurn


def row(question: str, answer: str | None = None, **more: Any) -> TrainingRow:
    """One question and, if given, its answer."""
    turns = [TrainingTurn("user", question)]
    turns += [] if answer is None else [TrainingTurn("assistant", answer)]
    return TrainingRow(tuple(turns), **more)
