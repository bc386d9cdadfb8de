"""Base models side by side before one is chosen: the same rows, the same held-out ones, one table.

A tokenizer that does not know a language makes many tokens of it: each costs time and money. Losses
of a token cannot be compared between tokenizers, so they are told by character, in bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from client.http import Client
from kb.errors import Rejected
from tune.rows.canonical import rows_of
from tune.types import TrainingRow

COLUMNS = (
    "base", "status", "exact match", "f1", "before", "bits a character", "tokens a character",
    "tokens trained", "minutes", "cost", "curve",
)  # fmt: skip
Point = Mapping[str, Any]


def compare(
    client: Client,
    bases: Sequence[str],
    order: Mapping[str, Any],
    *,
    folder: Path,
    follow: Callable[[str, str, Callable[[Point], object]], Mapping[str, Any]],
    price_an_hour: float = 0.0,
) -> list[dict[str, Any]]:
    """Train each base on the same rows, one after the other; a row of the table for each.

    Args:
        order: the job as `POST /v1/tuning/jobs` takes it, without `model`.
        folder: where the bases lie; one whose tokenizer is not there has no tokens a character.
        follow: waits for the end of a job (base, its id), gives what it tells of each event on, and
            returns the job.

    Raises:
        Rejected: fewer than two bases.
        RequestFailed: there is no such base, file or set.
    """
    if len(set(bases)) < 2:
        raise Rejected("Name two bases or more: --base A --base B.")
    jobs = [client.send("POST", "/v1/tuning/jobs", {"model": base, **order}) for base in bases]
    with BytesIO() as file:
        path = f"/openai/v1/files/{jobs[0]['training_file']}/content"
        client.download("GET", path, file)
        rows = list(rows_of(file.getvalue()))
    table = []
    for base, job in zip(bases, jobs, strict=True):
        data: list[Point] = []
        ended = follow(base, job["id"], data.append)
        density = tokens_a_character(folder / base / "tokenizer.json", rows)
        table.append(row_of(base, ended, data, density, price_an_hour))
    return table


def tokens_a_character(tokenizer: Path, rows: Iterable[TrainingRow]) -> float | None:
    """Of what is to be learnt; None where there is no such tokenizer, or nothing to learn."""
    if not tokenizer.is_file():
        return None
    from tokenizers import Tokenizer

    texts = [row.answer for row in rows]
    made = Tokenizer.from_file(str(tokenizer)).encode_batch(texts, add_special_tokens=False)
    characters = sum(map(len, texts))
    return sum(len(each.ids) for each in made) / characters if characters else None


def row_of(
    base: str,
    job: Mapping[str, Any],
    data: Sequence[Point],
    density: float | None,
    price_an_hour: float,
) -> dict[str, Any]:
    """A row of the table; what is not known is None. `data` are those of the job's events."""
    losses = [point["valid_loss"] for point in data if point.get("valid_loss") is not None]
    answers: Point = next((point["valid"] for point in reversed(data) if "valid" in point), {})
    began, end = job.get("started_at"), job.get("finished_at")
    hours = _hours(began, end) if began and end else None
    bits = losses[-1] / math.log(2) * density if losses and density else None
    return {
        "base": base,
        "status": job["status"],
        "exact match": answers.get("after", {}).get("exact_match"),
        "f1": answers.get("after", {}).get("f1"),
        "before": answers.get("before", {}).get("f1"),
        "bits a character": bits,
        "tokens a character": density,
        "tokens trained": job.get("trained_tokens"),
        "minutes": None if hours is None else 60 * hours,
        "cost": None if hours is None else hours * price_an_hour,
        "curve": (job.get("diagnosis") or {}).get("verdict"),
        "model": job.get("fine_tuned_model"),
    }


def _hours(began: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(began)).total_seconds() / 3600
