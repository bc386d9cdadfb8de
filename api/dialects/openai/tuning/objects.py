"""Training jobs, their events and checkpoints as the clients read them."""

from __future__ import annotations

from typing import Any

from api.dialects.dialect import seconds
from api.dialects.openai.retrieval.objects import Object
from kb.types import TuningEvent, TuningJob

OWNER = "citewell"
_SHOWN = ("n_epochs", "batch_size", "learning_rate_multiplier")


def job_object(job: TuningJob) -> Object:
    """A job."""
    asked = job.hyperparameters
    shown = {name: asked.get(name) for name in _SHOWN}
    own = shown | ({"beta": asked.get("beta")} if job.method == "dpo" else {})
    error = job.error and {"code": job.error.code, "message": job.error.detail, "param": None}
    return {
        "id": job.id,
        "object": "fine_tuning.job",
        "created_at": seconds(job.created_at),
        "finished_at": job.finished_at and seconds(job.finished_at),
        "estimated_finish": None,
        "model": job.model,
        "fine_tuned_model": job.fine_tuned_model,
        "organization_id": OWNER,
        "status": job.status,
        "error": error,
        "training_file": job.training_file,
        "validation_file": job.validation_file,
        "result_files": list(job.result_files),
        "trained_tokens": job.trained_tokens,
        "seed": job.seed,
        "hyperparameters": shown,
        "method": {"type": job.method, job.method: {"hyperparameters": own}},
        "metadata": dict(job.metadata),
        "integrations": [],
        "user_provided_suffix": job.suffix,
    }


def event_object(event: TuningEvent) -> Object:
    """Something that happened; its id leads to what was before."""
    return {
        "id": f"ftevent_{event.job_id.partition('_')[2]}_{event.seq}",
        "object": "fine_tuning.job.event",
        "created_at": seconds(event.created_at),
        "level": event.level,
        "message": event.message,
        "type": event.kind,
        "data": dict(event.data),
    }


def seq_of(event_id: str) -> str:
    """The number that the id of an event ends with."""
    number = event_id.rpartition("_")[2]
    return number if number.isdecimal() and len(number) < 12 else "0"


def checkpoint_object(job: TuningJob, event: TuningEvent) -> Object:
    """What was saved at a step."""
    told: dict[str, Any] = event.data["checkpoint"]
    step = int(told["step"])
    names = ("train_loss", "train_mean_token_accuracy", "valid_loss", "valid_mean_token_accuracy")
    metrics = {name: told[name] for name in names if told.get(name) is not None}
    model = job.fine_tuned_model or f"ft:{job.model}:{OWNER}:{job.suffix or ''}:{job.id[-8:]}"
    return {
        "id": f"ftckpt_{job.id.partition('_')[2]}_{event.seq}",
        "object": "fine_tuning.job.checkpoint",
        "created_at": seconds(event.created_at),
        "fine_tuned_model_checkpoint": f"{model}:ckpt-step-{step}",
        "fine_tuning_job_id": job.id,
        "metrics": {"step": step, **metrics},
        "step_number": step,
    }
