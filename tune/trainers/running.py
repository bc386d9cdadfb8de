"""What all trainers share: arguments, what is told while a Trainer runs, resuming, and saving."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from tune.trainers.job import Failed, Job, Stopped

MOST_METRICS = 1000
MOST_ROWS = 64
TOLD = {
    "loss": "train_loss",
    "mean_token_accuracy": "train_mean_token_accuracy",
    "rewards/accuracies": "train_reward_accuracy",
    "eval_loss": "valid_loss",
    "eval_mean_token_accuracy": "valid_mean_token_accuracy",
    "eval_rewards/accuracies": "valid_reward_accuracy",
    "eval_f1": "valid_f1",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
}
"""What is told in a `metrics` event, by the names that trainers log."""


def arguments(job: Job, *, rows: int, has_valid: bool) -> dict[str, Any]:
    """The arguments of a Trainer of any kind; `rows` are those that are trained on.

    bf16 where a GPU has it, else fp16 there; on a CPU only where `precision` asks for it, because
    small models are slower with it. Evaluated and saved every `eval_every` steps, or each epoch.
    """
    batch = min(job.setting("batch_size", 8), rows)
    each = math.ceil(rows / (batch * job.setting("accumulation", 1)))
    total = job.setting("max_steps", 0) or math.ceil(each * job.setting("n_epochs", 3))
    every = max(1, min(job.setting("eval_every", each), total))
    on_gpu = torch.cuda.is_available()
    bf16 = job.setting("precision", "bf16" if on_gpu else "f32") == "bf16"
    bf16 = bf16 and (not on_gpu or torch.cuda.is_bf16_supported())
    os.environ |= {"WANDB_MODE": "offline", "WANDB_DIR": str(job.folder)}
    os.environ |= {"TRACKIO_DIR": str(job.folder / "trackio"), "WANDB_SILENT": "true"}
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{job.folder / 'mlflow.db'}"
    return {
        "output_dir": str(job.checkpoints),
        "max_steps": total,
        "per_device_train_batch_size": batch,
        "per_device_eval_batch_size": batch,
        "gradient_accumulation_steps": job.setting("accumulation", 1),
        "learning_rate": job.setting("learning_rate", 2e-4),
        "lr_scheduler_type": job.setting("schedule", "linear"),
        "warmup_steps": job.setting("warmup", 0.0),
        "weight_decay": job.setting("weight_decay", 0.0),
        "max_grad_norm": job.setting("max_grad_norm", 1.0),
        "seed": job.seed,
        "logging_steps": max(1, total // MOST_METRICS),
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": every,
        "save_total_limit": 3,
        "eval_strategy": "steps" if has_valid else "no",
        "eval_steps": every,
        "eval_on_start": has_valid and last_checkpoint(job) is None,
        "load_best_model_at_end": has_valid and bool(job.setting("early_stopping", 0)),
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
        "use_cpu": not on_gpu,
        "bf16": bf16,
        "fp16": on_gpu and not bf16,
        "activation_checkpointing": on_gpu,
        "remove_unused_columns": False,
        "dataloader_pin_memory": on_gpu,
        "disable_tqdm": True,
        "report_to": job.track_with or "none",
        "run_name": job.folder.name,
    }


class Reporter(TrainerCallback):  # type: ignore[misc]
    """Tells the parent how a run goes, and stops it: when asked to, and when it has diverged.

    `rows` are the indices of the rows that were trained since the last log.
    """

    def __init__(self, job: Job, tokens: int) -> None:
        self.rows: list[int] = []
        self.is_stopping = False
        self._job = job
        self._tokens = tokens
        self._began, self._first = time.monotonic(), 0
        self._valid_loss: float | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """The clock starts: what a resumed run did before does not count."""
        self._began, self._first = time.monotonic(), state.global_step
        said = f"Resumed at step {state.global_step} of" if state.global_step else "Training"
        self._job.events.tell("message", f"{said} {state.max_steps} steps.")

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Stops where SIGTERM came, with a checkpoint."""
        self._job.events.beat()
        if self.is_stopping:
            control.should_save = control.should_training_stop = True

    def on_prediction_step(self, *_: Any, **__: Any) -> None:
        """Evaluating is life too."""
        self._job.events.beat()

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
    ) -> None:
        """One `metrics` event a log. Raises Failed where the loss is no number any more."""
        logs = given["logs"]
        told = {TOLD[name]: value for name, value in logs.items() if name in TOLD}
        if not told:
            return
        if "loss" in logs:
            told |= {"rows": self.rows[:MOST_ROWS], "seconds_left": self._seconds_left(state)}
            self.rows = []
        self._valid_loss = told.get("valid_loss", self._valid_loss)
        told |= {"step": state.global_step, "total_steps": state.max_steps, "epoch": state.epoch}
        told["num_tokens"] = round((state.epoch or 0) * self._tokens)
        self._job.events.tell("metrics", f"Step {state.global_step} of {state.max_steps}", **told)
        if not math.isfinite(told.get("train_loss", 0.0)):
            raise Failed(
                "diverged",
                f"The loss is no number since step {state.global_step}. Divide the learning rate "
                "by 5 and look at the rows of that step.",
            )

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """One `checkpoint` event for each that is complete."""
        path = self._job.checkpoints / f"checkpoint-{state.global_step}"
        data = {"step": state.global_step, "path": str(path), "valid_loss": self._valid_loss}
        self._job.events.tell("checkpoint", f"Checkpoint at step {state.global_step}", **data)

    def _seconds_left(self, state: TrainerState) -> float:
        done = max(1, state.global_step - self._first)
        each = (time.monotonic() - self._began) / done
        return float(round(each * (state.max_steps - state.global_step), 1))


class TellsRows:
    """For trainers whose batches say which rows they hold (`rows`), which no model must see."""

    reporter: Reporter

    def training_step(self, model: Any, inputs: dict[str, Any], *args: Any, **more: Any) -> Any:
        """Train on the batch, and remember its rows."""
        self.reporter.rows += inputs.pop("rows").tolist()
        return super().training_step(model, inputs, *args, **more)  # type: ignore[misc]

    def prediction_step(self, model: Any, inputs: dict[str, Any], *args: Any, **more: Any) -> Any:
        """Evaluate the batch without its rows."""
        return super().prediction_step(  # type: ignore[misc]
            model, {name: each for name, each in inputs.items() if name != "rows"}, *args, **more
        )


def run(trainer: Trainer, job: Job, reporter: Reporter) -> None:
    """Train to the end, from the last checkpoint if there is one.

    Raises:
        Stopped: SIGTERM came first; a checkpoint is there.
        Failed: it diverged.
    """
    collate = trainer.data_collator
    trainer.reporter = reporter
    trainer.data_collator = lambda rows: {
        **collate([{name: row[name] for name in row if name != "row"} for row in rows]),
        "rows": torch.tensor([row["row"] for row in rows]),
    }
    to_end(trainer, job, reporter)


def to_end(trainer: Trainer, job: Job, reporter: Reporter) -> None:
    """`run` for trainers whose batches do not say which rows they hold."""
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(reporter)
    if trainer.args.load_best_model_at_end:
        trainer.add_callback(EarlyStoppingCallback(job.setting("early_stopping", 3), 0.01))
    before = signal.signal(signal.SIGTERM, lambda *_: setattr(reporter, "is_stopping", True))
    try:
        trainer.train(resume_from_checkpoint=last_checkpoint(job))
    finally:
        signal.signal(signal.SIGTERM, before)
    if reporter.is_stopping and trainer.state.global_step < trainer.state.max_steps:
        raise Stopped


def freeze(model: Any, layers: int) -> None:
    """Keep the first layers of a transformer as they are: those are the entries of its one list of
    blocks."""
    blocks = max(
        (each for each in model.modules() if isinstance(each, torch.nn.ModuleList)), key=len
    )
    for block in blocks[:layers]:
        block.requires_grad_(False)


def last_checkpoint(job: Job) -> str | None:
    """The newest complete checkpoint. One that a kill tore apart is removed: its state, written
    last, is missing or half."""
    found = sorted(job.checkpoints.glob("checkpoint-*"), key=lambda path: int(path.name[11:]))
    while found:
        try:
            json.loads((found[-1] / "trainer_state.json").read_text(encoding="utf-8"))
            return str(found[-1])
        except (OSError, ValueError):
            shutil.rmtree(found.pop())
    return None


def save(job: Job, write: Callable[[Path], None], about: dict[str, Any]) -> None:
    """Let `write` fill a folder, add `tuned.json`, and give it its name when all is there."""
    part = job.out.with_name(f"{job.out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    write(part)
    parent = job.continue_from and job.continue_from.parent.name
    told = {"name": job.name, "base": job.base.name, "task": job.task, "parent": parent, **about}
    (part / "tuned.json").write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    shutil.rmtree(job.out, ignore_errors=True)
    part.rename(job.out)
