"""Names in a text (`extract`): each token begins one, goes on with one, or is none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from transformers import AutoModelForTokenClassification, DataCollatorForTokenClassification

from tune.trainers.encoders import Encoded, froze, opened, predictions, tokens, trained
from tune.trainers.job import Failed, Job
from tune.trainers.running import save


def train(job: Job) -> None:
    """Train on answers like `{"person": ["Li Bai"]}`, whose names stand in the question."""
    tokenizer, _ = opened(job)
    kinds = sorted({kind for row in job.rows("train") for kind in json.loads(row.answer)})
    tags = ["O", *(f"{place}-{kind}" for kind in kinds for place in "BI")]
    rows, valid = (
        [
            {"row": number, **_tagged(job, tokenizer, tags, row.prompt, json.loads(row.answer))}
            for number, row in enumerate(job.rows(name))
        ]
        for name in ("train", "valid")
    )
    if not any(tag > 0 for row in rows for tag in row["labels"]):
        raise Failed("rows_all_masked", "No name of an answer stands in its question.")
    names = {"id2label": dict(enumerate(tags)), "label2id": {tag: n for n, tag in enumerate(tags)}}
    model = AutoModelForTokenClassification.from_pretrained(
        job.base, local_files_only=True, use_safetensors=True, **names
    )
    froze(job, model)
    collate = DataCollatorForTokenClassification(tokenizer)
    trainer = trained(
        job, model, rows, valid, collate, lambda *said: _scores(said[0], said[1], tags)
    )
    metrics = _scores(*predictions(trainer, valid or rows), tags)

    def write(part: Path) -> None:
        model.save_pretrained(part)
        tokenizer.save_pretrained(part)

    save(job, write, {"style": "extract"})
    job.tell_result(style="extract", metrics={"valid" if valid else "train": metrics})


def _tagged(
    job: Job, tokenizer: Any, tags: list[str], text: str, names: dict[str, Sequence[str]]
) -> Encoded:
    encoded = tokens(job, tokenizer, text, return_offsets_mapping=True)
    spans = [
        (start, start + len(name), kind)
        for kind, said in names.items()
        for name in said
        for start in (text.find(name),)
        if name and start >= 0
    ]
    labels = []
    for start, end in encoded.pop("offset_mapping"):
        inside = [(a, kind) for a, b, kind in spans if a <= start < end <= b]
        place = [f"{'B' if start == a else 'I'}-{kind}" for a, kind in inside]
        labels.append(-100 if start == end else tags.index(place[0]) if place else 0)
    return {**encoded, "labels": labels}


def _scores(logits: Any, gold: Any, tags: list[str]) -> dict[str, float]:
    said, right = set(), set()
    for row, (scores, labels) in enumerate(zip(logits.argmax(-1), gold, strict=True)):
        kept = labels != -100
        said |= {(row, *span) for span in _spans([tags[each] for each in scores[kept]])}
        right |= {(row, *span) for span in _spans([tags[each] for each in labels[kept]])}
    found = len(said & right)
    precision, recall = found / max(1, len(said)), found / max(1, len(right))
    f1 = 2 * found / max(1, len(said) + len(right))
    return {"precision": precision, "recall": recall, "f1": f1}


def _spans(tags: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    start = 0
    for place, tag in enumerate([*tags, "O"]):
        before = tags[place - 1] if place else "O"
        if before != "O" and (tag[0] != "I" or tag[2:] != before[2:]):
            yield start, place, before[2:]
        if tag[0] == "B" or (tag != "O" and tag[2:] != before[2:]):
            start = place
