"""Fine-tuning as it is stored: training sets, jobs, their events, and the models they made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kb.types.documents import Failure

TuningStatus = Literal[
    "validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"
]
"""As OpenAI's API has them."""

TuningTask = Literal["chat", "completion", "classify", "extract", "embedder", "reranker"]
"""What a job makes. `chat` renders rows by the model's template, `completion` as the prompt, the
separator, the completion and the stop."""

TuningMethod = Literal["supervised", "dpo"]
EventLevel = Literal["info", "warn", "error"]
EventKind = Literal["message", "metrics"]


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A named series of versions of rows; `versions` is the number of the newest, from 1."""

    id: str
    name: str
    description: str
    versions: int
    created_at: str


@dataclass(frozen=True, slots=True)
class TrainingSetVersion:
    """Rows that never change: a stored file in the canonical form (JSON Lines), and its report.

    `splits` maps train, valid and test to their numbers of rows.
    """

    set_id: str
    number: int
    file_id: str
    sha256: str
    rows: int
    splits: Mapping[str, int]
    note: str
    report: Mapping[str, Any]
    created_at: str


@dataclass(frozen=True, slots=True)
class TuningJob:
    """One training run. Times are RFC 3339; `training_file` and the like are ids of stored files.

    `model` is a base model's name or that of a tuned model, which is then continued.
    `hyperparameters` are as they were asked for, with "auto" resolved when the job starts.
    `diagnosis` is what the finished curve says. `result_files` are the curve as CSV.
    """

    id: str
    backend: str
    model: str
    task: TuningTask
    method: TuningMethod
    training_file: str
    validation_file: str | None
    suffix: str | None
    seed: int
    hyperparameters: Mapping[str, Any]
    status: TuningStatus
    created_at: str
    started_at: str | None = None
    finished_at: str | None = None
    trained_tokens: int | None = None
    fine_tuned_model: str | None = None
    result_files: tuple[str, ...] = ()
    error: Failure | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    diagnosis: Mapping[str, Any] | None = None
    remote_id: str | None = None
    key_id: str | None = None


@dataclass(frozen=True, slots=True)
class TuningEvent:
    """Something that happened in a job, in the order of `seq`, from 1.

    `data` of a `metrics` event: step, total_steps, epoch, train_loss, train_mean_token_accuracy,
    learning_rate, grad_norm, valid_loss, valid_mean_token_accuracy, num_tokens, seconds_left and
    rows (indices of the batch), as far as they are known; of a `message`: what else is to be told.
    """

    job_id: str
    seq: int
    created_at: str
    level: EventLevel
    kind: EventKind
    message: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TunedModel:
    """What a job made: a folder below `tuning/` of the data folder, or a model of a remote backend.

    `base` is the first of its line, `parent` the tuned model that it continues. `template_hash` is
    that of the template its rows were rendered by; a variant that renders by another is warned
    about. `separator` and `stop` are those of completion style.
    """

    name: str
    job_id: str
    base: str
    parent: str | None
    task: TuningTask
    training_sha256: str
    template_hash: str
    separator: str
    stop: tuple[str, ...]
    folder: str | None
    remote_model: str | None
    created_at: str
