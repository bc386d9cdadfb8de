"""What the trainers of searches share: rows, arguments, and how often the right one is first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from tune.trainers.job import Failed, Job
from tune.trainers.running import arguments
from tune.types import TrainingRow

MOST_PASSAGES = 2000


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Questions about documents that are not trained on. Each is asked of all `passages`, those of
    the documents that are trained on among them; `right` are the numbers of those that answer it.
    """

    questions: tuple[str, ...]
    passages: tuple[str, ...]
    right: tuple[frozenset[int], ...]

    @classmethod
    def of(cls, valid: Sequence[TrainingRow], train: Sequence[TrainingRow]) -> HeldOut:
        """What some rows ask; of the passages at most so many are kept, their own first."""
        texts = [text for row in (*valid, *train) for text in (row.answer, row.rejected) if text]
        passages = tuple(dict.fromkeys(texts))[:MOST_PASSAGES]
        number = {text: place for place, text in enumerate(passages)}
        right: dict[str, set[int]] = {}
        for row in valid:
            if row.answer in number:
                right.setdefault(row.prompt, set()).add(number[row.answer])
        return cls(tuple(right), passages, tuple(map(frozenset, right.values())))

    def first_is_right(self, scores: Any) -> list[bool]:
        """Of each question, whether the passage with the highest score answers it."""
        firsts = torch.as_tensor(scores).argmax(dim=1).tolist()
        return [first in right for first, right in zip(firsts, self.right, strict=True)]


def compared(before: Sequence[bool], after: Sequence[bool]) -> dict[str, Any]:
    """Recall@1 before and after, and how many questions were won and lost."""
    count = max(1, len(before))
    return {
        "questions": len(before),
        "recall@1_before": sum(before) / count,
        "recall@1_after": sum(after) / count,
        "gained": sum(now and not was for was, now in zip(before, after, strict=True)),
        "lost": sum(was and not now for was, now in zip(before, after, strict=True)),
    }


def options(job: Job, rows: int, *, has_valid: bool) -> dict[str, Any]:
    """The arguments of a sentence-transformers trainer; bf16 where the processor computes with it,
    where it takes a third of the time."""
    found = arguments(job, rows=rows, has_valid=has_valid)
    if found["use_cpu"] and "precision" not in job.hyperparameters:
        found["bf16"] = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return found | {"save_total_limit": 1, "eval_on_start": False}


def usable(rows: Sequence[TrainingRow]) -> list[TrainingRow]:
    """The rows that hold a question, its passage and one to tell apart. Raises Failed."""
    found = [row for row in rows if row.prompt and row.answer and row.rejected]
    if not found:
        raise Failed(
            "no_training_rows",
            "No row has a question, a passage that answers it, and a rejected one. Make them with "
            "`kb tune embedder`.",
        )
    return found


def tokens_of(rows: Sequence[TrainingRow]) -> int:
    """About how many tokens an epoch has: four characters each."""
    return math.ceil(sum(len(r.prompt) + len(r.answer) + len(r.rejected or "") for r in rows) / 4)
