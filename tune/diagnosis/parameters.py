"""Parameters of a training run: good defaults by the size of set and model, and warnings.

The table of epochs, the rates and the limits are those of published guides and of runs on tiny
models here; see decision 44.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from kb.errors import Rejected
from kb.types.tuning import TuningMethod, TuningTask
from tune.types import Finding

EPOCHS = ((100, 6), (1_000, 3), (10_000, 2), (100_000, 1))
"""(rows below which, epochs); above all of them one epoch."""
MANY_ROWS, MOST_EPOCHS = 10_000, 4
FEWEST_STEPS = 50
MOST_EVALS = 20
TINY, LARGE = 500e6, 7e9
"""Parameters of a model: below the first it learns at higher rates, from the second at lower."""
LORA_RATES, DPO_RATES = (1e-3, 2e-4, 1e-4), (5e-5, 5e-6, 5e-6)
FULL_BY_LORA = 0.1
ENCODER_RATE = 5e-5
VLLM_RANK = 16
GENERATES = ("chat", "completion")
BOUNDS: Mapping[str, tuple[float, float]] = {
    "n_epochs": (0.01, 1_000),
    "batch_size": (1, 4_096),
    "learning_rate": (1e-9, 1),
    "learning_rate_multiplier": (1e-3, 1e3),
    "max_tokens": (8, 1_000_000),
    "lora_rank": (0, 1_024),
    "warmup": (0, 100_000),
    "beta": (1e-3, 100),
}


def resolved(
    hyperparameters: Mapping[str, Any],
    *,
    rows: int,
    task: TuningTask,
    method: TuningMethod,
    lora: bool,
    base_parameters: int | None,
) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """All parameters of a run, with "auto" and what is missing filled in, and what to mind.

    Args:
        hyperparameters: as asked for; a `learning_rate_multiplier` counts from the default rate.
        rows: that are trained on.
        lora: whether adapters are trained (a `lora_rank` of 0 trains all weights).
        base_parameters: of the base model; None counts as a model of billions.

    Raises:
        Rejected: a parameter is no number, or beyond what can be meant.
    """
    asked = {name: value for name, value in hyperparameters.items() if value != "auto"}
    for name in BOUNDS.keys() & asked.keys():
        least, most = BOUNDS[name]
        if type(asked[name]) not in (int, float) or not least <= asked[name] <= most:
            raise Rejected(f"`{name}` is a number from {least:g} to {most:g}, not {asked[name]!r}.")
    lora = lora and asked.get("lora_rank") != 0
    found = _defaults(rows, task, method, lora, base_parameters) | asked
    if "n_epochs" in asked:  # who names a number gets it, and asks for an earlier end by name
        found["early_stopping"] = asked.get("early_stopping", 0)
    each = rows / found["batch_size"]
    # Twice an epoch: early stopping on fewer looks stops what still learns.
    found.setdefault("eval_every", math.ceil(max(each / 2, each * found["n_epochs"] / MOST_EVALS)))
    factor = found.pop("learning_rate_multiplier", None)
    if factor is not None and "learning_rate" not in asked:
        found["learning_rate"] *= float(factor)
    good = _rate(task, method, lora, base_parameters)
    findings = _warnings(found, rows, good)
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


def _warnings(found: Mapping[str, Any], rows: int, good: float) -> Iterator[tuple[str, str]]:
    """What is known to fail; `good` is the rate by default."""
    rate, epochs, rank = found["learning_rate"], found["n_epochs"], found["lora_rank"]
    steps = math.ceil(rows / found["batch_size"]) * epochs
    if steps < FEWEST_STEPS:
        few = f"{steps:.0f} steps are few: below {FEWEST_STEPS} little is learnt."
        yield "few_steps", f"{few} Add rows, or lower batch_size."
    if rows > MANY_ROWS and epochs > MOST_EPOCHS:
        many = f"{epochs} epochs over {rows} rows make a model that repeats them"
        yield "many_epochs", f"{many}: at most {MOST_EPOCHS}, and {_epochs(rows)} to begin with."
    if rank and rate < good / 4:
        low = f"A learning rate of {rate:g} suits full tuning; LoRA learns next to nothing at it."
        yield "low_rate", f"{low} Try {good:g}."
    if rate > good * 10:
        high = f"A learning rate of {rate:g} breaks most models of this size"
        yield "high_rate", f"{high}{' by LoRA' if rank else ''}. Try {good:g}."
    if rank > VLLM_RANK:
        most = f"vLLM serves adapters up to rank {VLLM_RANK}"
        yield "high_rank", f"{most} unless started with --max-lora-rank {rank}."
