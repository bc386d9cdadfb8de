"""A class for a text (`classify`), told by a linear layer on the mean of the encoder's last layer.

The mean is made 1 long, so that a server that makes this vector anyway tells the class by one
product (`kb.models.classify`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score
from transformers import AutoModel, DataCollatorWithPadding

from tune.trainers.encoders import froze, opened, predictions, tokens, trained
from tune.trainers.job import Failed, Job
from tune.trainers.running import save

SHARPNESS = 20.0
"""Logits are so many times a product of vectors of length 1, which alone would tell labels apart
too weakly."""
_AS_IT_IS = ("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json")


class _Classifier(torch.nn.Module):  # type: ignore[misc]
    def __init__(self, encoder: Any, labels: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = torch.nn.Linear(encoder.config.hidden_size, labels)

    def forward(self, labels: Any = None, **inputs: Any) -> dict[str, Any]:
        hidden = self.encoder(**inputs).last_hidden_state
        mask = inputs["attention_mask"].unsqueeze(-1)
        mean = (hidden * mask).sum(1) / mask.sum(1)
        logits = SHARPNESS * self.head(torch.nn.functional.normalize(mean, dim=-1))
        loss = torch.nn.functional.cross_entropy(logits, labels) if labels is not None else None
        return {"loss": loss, "logits": logits}


def train(job: Job) -> None:
    """Train on the labels of rows; the text is a row's last question."""
    tokenizer, prompt = opened(job)
    labels = sorted({row.label for row in job.rows("train") if row.label})
    if len(labels) < 2:
        raise Failed("rows_all_masked", "Rows need a `label` each, and two labels at least.")
    rows, valid = (
        [
            {"row": number, **ids, "labels": labels.index(row.label or "")}
            for number, row in enumerate(job.rows(name))
            if row.label in labels
            for ids in (tokens(job, tokenizer, prompt + row.prompt),)
        ]
        for name in ("train", "valid")
    )
    encoder = AutoModel.from_pretrained(job.base, local_files_only=True, use_safetensors=True)
    is_frozen = froze(job, encoder)
    model = _Classifier(encoder, len(labels))
    collate = DataCollatorWithPadding(tokenizer)
    trainer = trained(job, model, rows, valid, collate, _scores)
    save(
        job,
        lambda part: _write(job, part, model, tokenizer, labels),
        {"style": "classify", "encoder": job.base.name if is_frozen else None},
    )
    told = {"labels": labels, **_scores(*predictions(trainer, valid or rows))}
    job.tell_result(style="classify", metrics={"valid" if valid else "train": told})


def _scores(logits: Any, gold: Any) -> dict[str, Any]:
    """Accuracy, F1 by label, its mean over the labels that occur (macro), and the confusion matrix:
    a row for each right label, a column for each that was said."""
    said, every = logits.argmax(-1), range(logits.shape[-1])
    by_label = f1_score(gold, said, labels=every, average=None, zero_division=0.0)
    return {
        "accuracy": float(accuracy_score(gold, said)),
        "f1": float(f1_score(gold, said, average="macro")),
        "by_label": by_label.tolist(),
        "confusion": confusion_matrix(gold, said, labels=every).tolist(),
    }


def _write(job: Job, part: Path, model: Any, tokenizer: Any, labels: list[str]) -> None:
    model.encoder.save_pretrained(part)
    tokenizer.save_pretrained(part)
    for path in (job.base / name for name in (*_AS_IT_IS, "1_Pooling/config.json")):
        if path.exists():
            copy = part / path.relative_to(job.base)
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(path.read_bytes())
    head = {"weight": SHARPNESS * model.head.weight, "bias": SHARPNESS * model.head.bias}
    kept = {name: each.detach().contiguous() for name, each in head.items()}
    save_file(kept, part / "head.safetensors")
    (part / "labels.json").write_text(json.dumps(labels, ensure_ascii=False), encoding="utf-8")
