"""Who speaks OpenAI's fine-tuning API, and how each differs: data, so that a service is a row here.

As their documentation has it in November 2026. None of them was called: there is no network here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kb.types import TuningJob, TuningStatus

Place = tuple[str | int, ...]
"""Where something stands in an answer."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a job is made of: the service's name of the model, and the ids of uploaded files."""

    job: TuningJob
    model: str
    train: str
    valid: str | None
    suffix: str | None


def _openai(asked: Asked) -> dict[str, Any]:
    job = asked.job
    names = ["n_epochs", "batch_size", "learning_rate_multiplier"]
    names += ["beta"] if job.method == "dpo" else []
    chosen = {name: job.hyperparameters[name] for name in names if name in job.hyperparameters}
    return {
        "model": asked.model,
        "training_file": asked.train,
        "validation_file": asked.valid,
        "suffix": asked.suffix,
        "seed": job.seed,
        "method": {"type": job.method, job.method: {"hyperparameters": chosen}},
    }


_DASHSCOPE_NAMES = {
    "n_epochs": "n_epochs",
    "batch_size": "batch_size",
    "learning_rate": "learning_rate",
    "max_tokens": "max_length",
    "lora_rank": "lora_rank",
    "schedule": "lr_scheduler_type",
}


def _dashscope(asked: Asked) -> dict[str, Any]:
    chosen = {name: value for name, value in asked.job.hyperparameters.items() if value != "auto"}
    body = {
        "model": asked.model,
        "training_file_ids": [asked.train],
        "validation_file_ids": asked.valid and [asked.valid],
        "training_type": "sft" if chosen.get("lora_rank") == 0 else "efficient_sft",
        "hyper_parameters": {
            theirs: chosen[ours] for ours, theirs in _DASHSCOPE_NAMES.items() if ours in chosen
        },
        "finetuned_output_suffix": asked.suffix,
    }
    return {name: value for name, value in body.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Service:
    """How one is spoken to: paths behind the base URL, and places in what it answers.

    `target` is the form of rows (`tune.rows.forms.TARGETS`), by method; a method that is missing is
    not done there.
    """

    body: Callable[[Asked], dict[str, Any]] = _openai
    files: str = "/files"
    file_part: str = "file"
    file_id: Place = ("id",)
    jobs: str = "/fine_tuning/jobs"
    job_id: Place = ("id",)
    listed: Place = ("data",)
    listed_id: Place = ("id",)
    listed_file: Place = ("training_file",)
    status: Place = ("status",)
    model: Place = ("fine_tuned_model",)
    tokens: Place = ("trained_tokens",)
    error: Place = ("error",)
    has_events: bool = True
    statuses: Mapping[str, TuningStatus] = field(default_factory=dict)
    target: Mapping[str, str] = field(
        default_factory=lambda: {"supervised": "openai", "dpo": "openai-dpo"}
    )
    has_mark: bool = False
    suffix_length: int = 64
    key_header: str = "Authorization"
    key_prefix: str = "Bearer "


SERVICES: Mapping[str, Service] = {
    "openai": Service(),
    "azure": Service(has_mark=True, suffix_length=18, key_header="api-key", key_prefix=""),
    "dashscope": Service(
        body=_dashscope,
        files="/api/v1/files",
        file_part="files",
        file_id=("data", "uploaded_files", 0, "file_id"),
        jobs="/api/v1/fine-tunes",
        job_id=("output", "job_id"),
        listed=("output", "jobs"),
        listed_id=("job_id",),
        listed_file=("training_file_ids", 0),
        status=("output", "status"),
        model=("output", "finetuned_output"),
        tokens=("output", "usage"),
        error=("output",),
        has_events=False,
        statuses={"SUCCEEDED": "succeeded", "FAILED": "failed", "CANCELED": "cancelled"},
        target={"supervised": "dashscope"},
    ),
}


def found(answer: Any, place: Place) -> Any:
    """What stands at a place of an answer; None where there is nothing."""
    for step in place:
        try:
            answer = answer[step]
        except (KeyError, IndexError, TypeError):
            return None
    return answer
