"""Embedders: questions move to the passages that answer them, and away from those that do not.

Only the layers learn: the word table (four fifths of a multilingual model) stays. What was learnt
is mixed with what was known, which keeps the model good at other documents.

Source: Henderson et al., "Efficient Natural Language Response Suggestion", 2017 (in-batch
negatives); Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022 (mixing weights).
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer
from sentence_transformers import SentenceTransformerTrainingArguments as Arguments
from sentence_transformers.base.sampler import DefaultBatchSampler

from tune.trainers.job import Job, refuse_code
from tune.trainers.ranking import HeldOut, compared, options, tokens_of, usable
from tune.trainers.running import Reporter, save, to_end
from tune.types import TrainingRow

WEIGHTS, WORDS = "model.safetensors", "embeddings.word_embeddings.weight"
BASE = "citewell_base"
MIX = 0.6
"""The share of what was learnt in the weights."""
TOKENS = 160
"""Of a passage that are read in training: longer ones cost more than they teach."""
TEMPERATURE, PACKED_TEMPERATURE = 0.05, 0.02
"""What cosines are divided by: those of the packed model are crowded together."""
RUN = 8
"""Questions about one document that stand together in a batch: each other's passages are hard to
tell apart, and cost nothing more."""
SAME = 0.995
"""Cosine from which two passages of a batch are the same: none is told apart from itself."""
COLUMNS = {"query": "query", "right": "document", "wrong": "document"}


def train(job: Job) -> None:
    """Train what the job says, and tell how often the right passage is first, before and after."""
    rows, valid = usable(job.rows("train")), job.rows("valid")
    model = _model(job)
    known = {name: each.detach().clone() for name, each in model.named_parameters()}
    asked = HeldOut.of(valid, rows)
    before = _first_is_right(job, model, asked)
    _fit(job, model, rows, valid)
    share = job.setting("mix", MIX)
    with torch.no_grad():
        for name, each in model.named_parameters():
            each.lerp_(known[name], 1 - share)
    found = compared(before, _first_is_right(job, model, asked))
    job.events.tell("message", "Asked the held-out questions.", **found)
    save(job, lambda part: _write(job, model, part), {"measures": found})
    job.tell_result(trained_tokens=tokens_of(rows), metrics=found)


def _model(job: Job) -> SentenceTransformer:
    refuse_code(job.base)
    kwargs = {"use_safetensors": True, "dtype": torch.float32}
    model = SentenceTransformer(str(job.base), local_files_only=True, model_kwargs=kwargs)
    inner = model[0].auto_model
    if job.continue_from is not None:
        inner.load_state_dict(load_file(job.continue_from / WEIGHTS), strict=False)
    frozen = inner.encoder.layer[: job.setting("frozen_layers", 0)]
    for part in (inner.embeddings, *frozen):
        part.requires_grad_(False)
    return model


def _fit(
    job: Job, model: SentenceTransformer, rows: list[TrainingRow], valid: list[TrainingRow]
) -> None:
    whole, model.max_seq_length = model.max_seq_length, job.setting("max_tokens", TOKENS)
    columns = _needed(rows)
    prompts = {column: _prompt(model, COLUMNS[column]) for column in columns}
    arguments = Arguments(
        **options(job, len(rows), has_valid=bool(valid)),
        prompts={column: prompt for column, prompt in prompts.items() if prompt} or None,
        batch_sampler=partial(ByDocument, {row.answer: _document(row) for row in (*rows, *valid)}),
    )
    trainer = SentenceTransformerTrainer(
        model=model,
        args=arguments,
        train_dataset=_columns(rows, columns),
        eval_dataset=_columns(usable(valid), columns) if valid else None,
        loss=TellApart(model, job.setting("temperature", _temperature(job))),
    )
    to_end(trainer, job, Reporter(job, tokens_of(rows)))
    model.max_seq_length = whole


class ByDocument(DefaultBatchSampler):  # type: ignore[misc]
    """Batches in which questions about one document stand together, in a new order each epoch."""

    def __init__(
        self, groups: dict[str, str], dataset: Dataset, *, seed: int = 0, **given: Any
    ) -> None:
        super().__init__(dataset, seed=seed, **given)
        self._groups = [groups[text] for text in dataset["right"]]
        self._seed = seed

    def __iter__(self) -> Iterator[list[int]]:
        order = random.Random(f"{self._seed} {self.epoch}")
        places = order.sample(range(len(self._groups)), len(self._groups))
        runs: dict[str, list[list[int]]] = {}
        for place in places:
            own = runs.setdefault(self._groups[place], [[]])
            own[-1].append(place)
            if len(own[-1]) == RUN:
                own.append([])
        every = [run for own in runs.values() for run in own]
        order.shuffle(every)
        flat = [place for run in every for place in run]
        for start in range(0, len(flat), self.batch_size):
            yield flat[start : start + self.batch_size]


class TellApart(torch.nn.Module):  # type: ignore[misc]
    """Cross-entropy over all passages of a batch; copies of the right one do not count."""

    def __init__(self, model: SentenceTransformer, temperature: float) -> None:
        super().__init__()
        self.model, self.temperature = model, temperature

    def forward(self, features: Iterable[dict[str, Any]], labels: Any = None) -> Any:
        """The loss of a batch: questions, their passages, and those to tell apart."""
        columns = (self.model(each)["sentence_embedding"].float() for each in features)
        asked, right, *wrong = (torch.nn.functional.normalize(each, dim=1) for each in columns)
        passages = torch.cat([right, *wrong])
        own = torch.eye(len(asked), len(passages), dtype=torch.bool, device=asked.device)
        again = (right @ passages.T > SAME) & ~own
        scores = (asked @ passages.T / self.temperature).masked_fill(again, -torch.inf)
        return torch.nn.functional.cross_entropy(scores, own.float().argmax(dim=1))


def _temperature(job: Job) -> float:
    config = json.loads((job.base / "config.json").read_text(encoding="utf-8"))
    return PACKED_TEMPERATURE if BASE in config else TEMPERATURE


def _document(row: TrainingRow) -> str:
    return row.group.rpartition("#")[0] or row.group


def _needed(rows: list[TrainingRow]) -> list[str]:
    """Without the passages to tell apart where those of the same document in the batch are: they
    would double time and memory."""
    has_neighbours = len(rows) >= RUN * len({_document(row) for row in rows})
    return [name for name in COLUMNS if name != "wrong" or not has_neighbours]


def _columns(rows: list[TrainingRow], columns: list[str]) -> Dataset:
    texts = {
        "query": [row.prompt for row in rows],
        "right": [row.answer for row in rows],
        "wrong": [row.rejected for row in rows],
    }
    return Dataset.from_dict({name: texts[name] for name in columns})


def _prompt(model: SentenceTransformer, kind: str) -> str:
    names = ("query",) if kind == "query" else ("document", "passage", "corpus")
    return next((model.prompts[name] for name in names if model.prompts.get(name)), "")


def _first_is_right(job: Job, model: SentenceTransformer, asked: HeldOut) -> list[bool]:
    if not asked.questions:
        return []
    told = {"convert_to_tensor": True, "normalize_embeddings": True, "batch_size": 16}
    vectors = []
    for kind, texts in (("query", asked.questions), ("document", asked.passages)):
        for start in range(0, len(texts), 128):
            part = list(texts[start : start + 128])
            vectors.append(
                model.encode(part, prompt=_prompt(model, kind), show_progress_bar=False, **told)
            )
            job.events.beat()
    every = torch.cat(vectors).float()
    count = len(asked.questions)
    return asked.first_is_right(every[:count] @ every[count:].T)


def _write(job: Job, model: SentenceTransformer, part: Path) -> None:
    """The whole folder; or, over a model whose word table is packed elsewhere, the layers alone."""
    model.save_pretrained(str(part), create_model_card=False)
    config = json.loads((part / "config.json").read_text(encoding="utf-8"))
    if BASE not in config:
        return
    layers = {n: w.half() for n, w in load_file(part / WEIGHTS).items() if n != WORDS}
    for each in part.iterdir():
        if each.name != "config.json":
            shutil.rmtree(each) if each.is_dir() else each.unlink()
    save_file(layers, part / WEIGHTS)
