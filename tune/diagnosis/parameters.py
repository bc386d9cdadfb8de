"""Parameters of a training run: good defaults by the size of set and model, and warnings.

The table of epochs, the rates and the limits are those of published guides and of runs on tiny
models here; see decision 44.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from kb.types.tuning import TuningMethod, TuningTask
from tune.types import Finding

EPOCHS = ((100, 6), (1_000, 3), (10_000, 2), (100_000, 1))
"""(rows below which, epochs); above all of them one epoch."""
MANY_ROWS, MOST_EPOCHS = 10_000, 4
FEWEST_STEPS = 50
TINY, LARGE = 500e6, 7e9
"""Parameters of a model: below the first it learns at higher rates, from the second at lower."""
LORA_RATES, DPO_RATES = (1e-3, 2e-4, 1e-4), (5e-5, 5e-6, 5e-6)
FULL_BY_LORA = 0.1
ENCODER_RATE = 5e-5
VLLM_RANK = 16
GENERATES = ("chat", "completion")


def resolved(
    hyperparameters: Mapping[str, Any],
    *,
    rows: int,
    task: TuningTask,
    method: TuningMethod,
    lora: bool,
    base_parameters: int | None,
    longest_tokens: int | None = None,
) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """All parameters of a run, with "auto" and what is missing filled in, and what to mind.

    Args:
        hyperparameters: as asked for; a `learning_rate_multiplier` counts from the default rate.
        rows: that are trained on.
        lora: whether adapters are trained (a `lora_rank` of 0 trains all weights).
        base_parameters: of the base model; None counts as a model of billions.
        longest_tokens: of all rows, in the tokens of the model; None does not check.
    """
    asked = {name: value for name, value in hyperparameters.items() if value != "auto"}
    lora = lora and asked.get("lora_rank") != 0
    found = _defaults(rows, task, method, lora, base_parameters) | asked
    factor = found.pop("learning_rate_multiplier", None)
    if factor is not None and "learning_rate" not in asked:
        found["learning_rate"] *= float(factor)
    findings = _warnings(found, rows, task, method, lora, base_parameters, longest_tokens)
    return found, tuple(Finding(code, False, detail) for code, detail in findings)


def _defaults(
    rows: int, task: TuningTask, method: TuningMethod, lora: bool, parameters: int | None
) -> dict[str, Any]:
    batch = 4 if rows < 100 else 8 if rows < 1_000 else 16
    found: dict[str, Any] = {
        "n_epochs": 1 if method == "dpo" else _epochs(rows),
        "batch_size": batch,
        "learning_rate": _rate(task, method, lora, parameters),
        "max_tokens": 1024 if task in GENERATES else 256,
        "lora_rank": VLLM_RANK if lora else 0,
        "warmup": 0.05,
        "schedule": "cosine",
        "frozen_layers": 0,
        # Twice an epoch: early stopping on fewer looks stops what still learns.
        "eval_every": max(1, math.ceil(rows / batch / 2)),
        "early_stopping": 3 if rows < 100 else 0,
    }
    return found | ({"beta": 0.1} if method == "dpo" else {})


def _epochs(rows: int) -> int:
    return next((epochs for below, epochs in EPOCHS if rows < below), 1)


def _rate(task: TuningTask, method: TuningMethod, lora: bool, parameters: int | None) -> float:
    if task not in GENERATES:
        return ENCODER_RATE
    size = parameters or TINY
    place = 0 if size < TINY else 1 if size < LARGE else 2
    rate = (DPO_RATES if method == "dpo" else LORA_RATES)[place]
    return rate if lora else rate * FULL_BY_LORA


def _warnings(
    found: Mapping[str, Any],
    rows: int,
    task: TuningTask,
    method: TuningMethod,
    lora: bool,
    parameters: int | None,
    longest_tokens: int | None,
) -> Iterator[tuple[str, str]]:
    rate, epochs = found["learning_rate"], found["n_epochs"]
    good = _rate(task, method, lora, parameters)
    steps = math.ceil(rows / found["batch_size"]) * epochs
    if steps < FEWEST_STEPS:
        yield (
            "few_steps",
            f"{steps:.0f} steps are few: below {FEWEST_STEPS} little is learnt. Add rows, or lower "
            "batch_size.",
        )
    if rows > MANY_ROWS and epochs > MOST_EPOCHS:
        yield (
            "many_epochs",
            f"{epochs} epochs over {rows} rows make a model that repeats them: at most "
            f"{MOST_EPOCHS}, and {_epochs(rows)} to begin with.",
        )
    if rate < good / 4 and lora:
        yield (
            "low_rate",
            f"A learning rate of {rate:g} suits full tuning; LoRA learns next to nothing at it. "
            f"Try {good:g}.",
        )
    if rate > good * 10:
        kind = "LoRA" if lora else "training all weights"
        yield (
            "high_rate",
            f"A learning rate of {rate:g} breaks most models of this size by {kind}. Try {good:g}.",
        )
    if found["lora_rank"] > VLLM_RANK:
        yield (
            "high_rank",
            f"vLLM serves adapters up to rank {VLLM_RANK} unless started with --max-lora-rank "
            f"{found['lora_rank']}.",
        )
    if longest_tokens and longest_tokens > found["max_tokens"]:
        yield (
            "rows_are_cut",
            f"The longest row has {longest_tokens} tokens, and the ends of rows beyond max_tokens "
            f"({found['max_tokens']}) are cut off. Raise it, or split those rows.",
        )
