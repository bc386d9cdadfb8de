"""Evaluation as it is stored: question sets, runs of them, and what became of each question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from kb.types.apps import VariantName
from kb.types.documents import Failure
from kb.types.search import SearchMode

EvaluationStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """A named list of questions; `dataset_id` is the dataset that they are about, if it is known.

    `questions` counts them.
    """

    id: str
    name: str
    description: str
    dataset_id: str | None
    questions: int
    created_at: str


@dataclass(frozen=True, slots=True)
class EvaluationSubject:
    """What is asked: a version of an app (0 is its draft), or the search of a dataset.

    `name` is how people call it. `generation` None is the one that answers, `route` None leaves
    the variant to the app. `top_k`, `mode` and `generation` are of datasets.
    """

    name: str
    app_id: str | None = None
    version: int | None = None
    route: VariantName | None = None
    inputs: Mapping[str, str | bool | int | float] = field(default_factory=dict)
    dataset_id: str | None = None
    generation: int | None = None
    mode: SearchMode = "hybrid"
    top_k: int = 20


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """The questions of a set as they were when the run was made, put to a subject.

    `done` counts those that were asked, `correct` and `judged` those that went as they should and
    those of which that is known. `summary` is there when it has ended: the metrics with their
    intervals, by type and language as well.
    """

    id: str
    set_id: str
    set_name: str
    subject: EvaluationSubject
    status: EvaluationStatus
    questions: int
    created_at: str
    done: int = 0
    correct: int = 0
    judged: int = 0
    started_at: str | None = None
    finished_at: str | None = None
    error: Failure | None = None
    summary: Mapping[str, Any] | None = None
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class EvaluationOutcome:
    """What became of a question, by its number in the run, from 1.

    `question` is a row of a question set (docs/using/evaluating.md). `is_right` is None where
    nothing says how it should go. `verdict` is how sure the answer is, or what the best score of a
    search would make of it. `passages` are what was found, best first; `rank` is the place of the
    first that holds what was asked for. `metrics` are its values. `error` says why there is no
    answer, `error_code` in one word that stays.
    """

    run_id: str
    number: int
    question: Mapping[str, Any]
    is_done: bool = False
    is_right: bool | None = None
    verdict: Literal["answered", "weak", "refused"] | None = None
    answer: str | None = None
    passages: Sequence[Mapping[str, Any]] = ()
    metrics: Mapping[str, float] = field(default_factory=dict)
    rank: int | None = None
    took_ms: float = 0.0
    error: str = ""
    error_code: str = ""
