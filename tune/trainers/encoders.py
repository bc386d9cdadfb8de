"""What the trainers of encoders share: opening, freezing, and a new layer that learns faster."""

from __future__ import annotations

import json
from typing import Any

import torch
from transformers import AutoTokenizer, Trainer, TrainingArguments

from tune.trainers.job import Job, refuse_code
from tune.trainers.running import Reporter, TellsRows, arguments, freeze, run

HEAD_RATE, ALONE_RATE = 10.0, 100.0
"""A new layer learns at so many times the rate of the encoder, which knows already; alone, where
nothing else learns, faster: 28 rows on the bundled English model had F1 .80 at 10, 1.0 at 100."""
Encoded = dict[str, Any]


class _Encoding(TellsRows, Trainer):  # type: ignore[misc]
    def create_optimizer(self, model: Any = None) -> Any:
        rate, (new, known) = self.args.learning_rate, ([], [])  # type: ignore[var-annotated]
        for name, each in self.model.named_parameters():
            if each.requires_grad:
                (new if name.startswith(("head.", "classifier.")) else known).append(each)
        head = rate * (HEAD_RATE if known else ALONE_RATE)
        groups = [{"params": new, "lr": head}, {"params": known, "lr": rate}]
        self.optimizer = torch.optim.AdamW([each for each in groups if each["params"]])
        return self.optimizer


def opened(job: Job) -> tuple[Any, str]:
    """The tokenizer of the base, and what it wants to read before a question."""
    refuse_code(job.base)
    config = job.base / "config_sentence_transformers.json"
    prompts = json.loads(config.read_text()).get("prompts", {}) if config.exists() else {}
    return AutoTokenizer.from_pretrained(job.base, local_files_only=True), prompts.get("query", "")


def tokens(job: Job, tokenizer: Any, text: str, **more: Any) -> Encoded:
    """The ids of a text, cut at `max_tokens`."""
    return dict(tokenizer(text, truncation=True, max_length=job.setting("max_tokens", 256), **more))


def froze(job: Job, model: Any) -> bool:
    """Freeze the first layers; whether nothing of the encoder is left to learn."""
    layers = job.setting("frozen_layers", 0)
    encoder = getattr(model, model.base_model_prefix, model)
    if layers:
        freeze(encoder, layers)
    is_frozen = bool(layers >= encoder.config.num_hidden_layers)
    if is_frozen:
        encoder.requires_grad_(False)
    return is_frozen


def trained(job: Job, model: Any, train: Any, valid: Any, collate: Any, measure: Any) -> Any:
    """The Trainer, when it has trained; `measure(logits, right)` is told at each evaluation."""
    reporter = Reporter(job, sum(len(row["input_ids"]) for row in train))
    trainer = _Encoding(
        model=model,
        args=TrainingArguments(**arguments(job, rows=len(train), has_valid=bool(valid))),
        train_dataset=train,
        eval_dataset=valid or None,
        data_collator=collate,
        compute_metrics=lambda said: measure(said.predictions, said.label_ids),
    )
    run(trainer, job, reporter)
    return trainer


def predictions(trainer: Any, rows: Any) -> tuple[Any, Any]:
    """The logits of rows, and what is right."""
    said = trainer.predict(rows)
    return said.predictions, said.label_ids
