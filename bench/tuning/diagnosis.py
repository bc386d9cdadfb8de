"""What the diagnosis says about curves of a known kind, as tables.

python -m bench.tuning.diagnosis           curves made by formulas (a second)
python -m bench.tuning.diagnosis --train   runs of a tiny language model with known faults (minutes)
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.tuning.golden_curves import golden_curves, near_misses
from tests.tune.trainers import tiny
from tune.diagnosis.curve import Diagnosis, diagnose
from tune.types import TrainingRow

REWORDED = [
    tiny.chat(f"Warranty of {name}, please?", f"{name} has {3 * number + 1} months.")
    for number, name in enumerate(tiny.NAMES, start=1)
]
OTHERWISE = [
    tiny.chat(f"How long is the warranty of {name}?", f"{name} has {97 - 5 * number} months.")
    for number, name in enumerate(tiny.NAMES, start=1)
]
RUNS: Mapping[str, tuple[Mapping[str, Any], list[TrainingRow] | None]] = {
    "held-out rows ask the same": (tiny.FULL, tiny.facts()),
    "held-out rows ask in other words": (tiny.FULL, REWORDED),
    "held-out rows have other answers": (tiny.FULL, OTHERWISE),
    "nothing held out": (tiny.FULL, None),
    "LoRA on a model that knows nothing": (tiny.LORA, REWORDED),
    "a thousandth of the learning rate": ({**tiny.FULL, "learning_rate": 6e-6}, REWORDED),
    "20 times the learning rate": ({**tiny.FULL, "learning_rate": 0.12}, REWORDED),
    "300 times the learning rate": ({**tiny.FULL, "learning_rate": 2.0}, REWORDED),
    "10 epochs in place of 60": ({**tiny.FULL, "n_epochs": 10}, REWORDED),
}


def main() -> None:
    """Print a row for each curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", action="store_true")
    if parser.parse_args().train:
        print("| run | steps | loss | held-out loss | diagnosis |\n|---|---|---|---|---|")
        with tempfile.TemporaryDirectory() as folder:
            for line in trained(Path(folder)):
                print(line, flush=True)
        return
    print("| curve | should be | is | how bad | also |\n|---|---|---|---|---|")
    for golden in (*golden_curves(), *near_misses()):
        found = diagnose(golden.points)
        also = ", ".join(finding.verdict for finding in found.findings[1:])
        print(f"| {golden.name} | {golden.leads} | {found.verdict} | {found.severity} | {also} |")


def trained(folder: Path) -> Iterator[str]:
    """Rows of the table, each of a run."""
    base = tiny.make_base(folder / "base")
    for number, (name, (how, held_out)) in enumerate(RUNS.items()):
        job = tiny.job_folder(
            folder / str(number),
            base,
            tiny.facts(),
            held_out={"valid": held_out} if held_out else None,
            hyperparameters={**how, "eval_every": 10},
        )
        tiny.start(job).wait()
        points: dict[int, dict[str, Any]] = {}
        for event in tiny.events(job, "metrics"):
            points.setdefault(event["data"]["step"], {}).update(event["data"])
        curve = list(points.values())
        losses, evals = _of(curve, "train_loss"), _of(curve, "valid_loss")
        best = f"{evals[0]:.2f}, best {min(evals):.2f}, {evals[-1]:.2f}" if evals else ""
        ends = f"{losses[0]:.2f} to {losses[-1]:.2f}"
        yield f"| {name} | {len(losses)} | {ends} | {best} | {_said(diagnose(curve))} |"


def _of(curve: list[dict[str, Any]], name: str) -> list[float]:
    return [point[name] for point in curve if name in point]


def _said(found: Diagnosis) -> str:
    return "; ".join(f"{each.verdict} ({each.severity})" for each in found.findings)


if __name__ == "__main__":
    main()
