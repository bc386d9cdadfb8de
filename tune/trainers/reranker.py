"""Cross-encoders: a question and a passage read together, to one score; from the bundled encoder.

It is measured as it would be used: on the closest passages of the encoder that it began with. What
rerankers learn from millions of pairs is not learnt from a few hundred, and then it says so.
"""

from __future__ import annotations

from typing import Any

import torch
from datasets import Dataset
from sentence_transformers import (
    CrossEncoder,
    CrossEncoderTrainer,
    CrossEncoderTrainingArguments,
    SentenceTransformer,
)
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

from tune.trainers.job import Job, refuse_code
from tune.trainers.ranking import HeldOut, compared, options, tokens_of, usable
from tune.trainers.running import Reporter, save, to_end
from tune.types import TrainingRow

CLOSEST = 10
"""Passages of each held-out question that are put into a new order."""
MOST_ASKED = 200
TOKENS = 192


def train(job: Job) -> None:
    """Train what the job says, and tell how often the right passage is first without and with."""
    source = job.continue_from or job.base
    for folder in {source, job.base}:
        refuse_code(folder)
    rows, valid = usable(job.rows("train")), job.rows("valid")
    model = CrossEncoder(
        str(source),
        num_labels=1,
        max_length=job.setting("max_tokens", TOKENS),
        local_files_only=True,
        model_kwargs={"use_safetensors": True, "dtype": torch.float32},
    )
    model[0].auto_model.base_model.embeddings.requires_grad_(False)
    trainer = CrossEncoderTrainer(
        model=model,
        args=CrossEncoderTrainingArguments(**options(job, 2 * len(rows), has_valid=bool(valid))),
        train_dataset=_labelled(rows),
        eval_dataset=_labelled(usable(valid)) if valid else None,
        loss=BinaryCrossEntropyLoss(model),
    )
    to_end(trainer, job, Reporter(job, tokens_of(rows)))
    found = compared(*_first_is_right(job, model, HeldOut.of(valid, rows)))
    job.events.tell("message", "Asked the held-out questions.", **found)
    save(job, lambda part: model.save_pretrained(str(part)), {"measures": found})
    job.tell_result(trained_tokens=tokens_of(rows), metrics=found)


def _labelled(rows: list[TrainingRow]) -> Dataset:
    """Each pair once, and how well it fits: 1 or 0."""
    pairs = {(row.prompt, row.rejected): 0.0 for row in rows}
    pairs |= {(row.prompt, row.answer): 1.0 for row in rows}
    questions, passages = zip(*pairs, strict=True)
    return Dataset.from_dict(
        {"query": questions, "passage": passages, "label": list(pairs.values())}
    )


def _first_is_right(job: Job, model: Any, asked: HeldOut) -> tuple[list[bool], list[bool]]:
    """Of each question: whether the closest passage is right, and the one that is put first."""
    encoder = SentenceTransformer(str(job.base), local_files_only=True)
    encoder.float()
    told = {"convert_to_tensor": True, "normalize_embeddings": True, "show_progress_bar": False}
    passages = encoder.encode_document(list(asked.passages), **told)
    before, after = [], []
    for question, right in list(zip(asked.questions, asked.right, strict=True))[:MOST_ASKED]:
        closeness = (encoder.encode_query([question], **told) @ passages.T)[0]
        closest = closeness.topk(min(CLOSEST, len(passages))).indices.tolist()
        pairs = [(question, asked.passages[each]) for each in closest]
        scores = model.predict(pairs, show_progress_bar=False)
        before.append(closest[0] in right)
        after.append(closest[int(scores.argmax())] in right)
        job.events.beat()
    return before, after
