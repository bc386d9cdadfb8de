"""The pages: four arms side by side, and a job's curves with what they say. No script, no image."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from eval.report.page import rendered

PANELS = (
    ("loss", ("train_loss", "valid_loss")),
    ("token accuracy", ("train_mean_token_accuracy", "valid_mean_token_accuracy")),
    ("learning rate", ("learning_rate",)),
    ("gradient norm", ("grad_norm",)),
)
WIDTH, HEIGHT = 640, 220


class Panel(NamedTuple):
    """A plot: for each series its name and the points of its line, and the axes' bounds."""

    label: str
    series: Sequence[tuple[str, str]]
    low: float
    high: float
    steps: tuple[int, int]


def write_report(report: Mapping[str, Any], path: Path) -> Path:
    """Write the page, and the same as JSON beside it; returns the path of the JSON."""
    page = rendered("four_arms.html", {"report": report}, package="tune")
    path.write_text(page, encoding="utf-8")
    beside = path.with_suffix(".json")
    beside.write_text(json.dumps(report, ensure_ascii=False, indent=1), encoding="utf-8")
    return beside


def job_page(
    job: Mapping[str, Any],
    events: Sequence[Mapping[str, Any]],
    diagnosis: Mapping[str, Any] | None,
) -> str:
    """A job as a page: what its curve says, the curves, answers before and after, its messages.

    Args:
        job: as the API gives it.
        events: of the job in their order, each with kind, level, message and data.
        diagnosis: as `Diagnosis` is in JSON.
    """
    points = [event["data"] for event in events if event["kind"] == "metrics"]
    panels = [panel for label, names in PANELS if (panel := _panel(label, names, points)).series]
    messages = [event for event in events if event["kind"] != "metrics"]
    said = [event["data"] for event in messages if "valid" in event["data"]]
    measured = said[-1].items() if said else ()
    values = {"job": job, "diagnosis": diagnosis, "panels": panels, "messages": messages}
    values["measured"] = {name: told for name, told in measured if "after" in told}
    return rendered("job.html", values | {"width": WIDTH, "height": HEIGHT}, package="tune")


def _panel(label: str, names: Sequence[str], points: Sequence[Mapping[str, Any]]) -> Panel:
    lines = {name: line for name in names if (line := _values(name, points))}
    every = [pair for line in lines.values() for pair in line]
    steps, values = [step for step, _ in every] or [0], [value for _, value in every] or [0.0]
    first, last, low, high = min(steps), max(steps), min(values), max(values)

    def place(step: int, value: float) -> str:
        x, y = (step - first) / (last - first or 1), (value - low) / (high - low or 1)
        return f"{x * WIDTH:.1f},{(1 - y) * HEIGHT:.1f}"

    drawn = [(name, " ".join(place(*pair) for pair in line)) for name, line in lines.items()]
    return Panel(label, drawn, low, high, (first, last))


def _values(name: str, points: Sequence[Mapping[str, Any]]) -> list[tuple[int, float]]:
    found = [(int(p.get("step") or 0), float(p[name])) for p in points if p.get(name) is not None]
    return [(step, value) for step, value in found if math.isfinite(value)]
