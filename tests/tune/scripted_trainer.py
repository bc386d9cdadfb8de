"""A trainer that learns nothing and speaks the protocol.

Its first row may order something, as "do: …": `die_at=3` (once), `die_always`, `hang_at=2`, `fail`,
`eat=MEGABYTES`, `save_slowly` (when it is to end). It trains one step a row and epoch, saves a
checkpoint at every second one, and goes on from there.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(sys.argv[1])
STEP_S = 0.02


def tell(kind: str, message: str = "", **data: Any) -> None:
    event = {"at": "2026-01-01T00:00:00.000Z", "type": kind, "level": "info", "message": message}
    with (FOLDER / "events.jsonl").open("a") as file:
        file.write(json.dumps({**event, "data": data}) + "\n")


def orders(rows: list[dict[str, Any]]) -> dict[str, str]:
    said = rows[0]["messages"][0]["content"]
    words = said.removeprefix("do: ").split() if said.startswith("do: ") else []
    return dict(word.partition("=")[::2] for word in words)


def obey(order: dict[str, str], step: int, started: int) -> None:
    if order.get("die_at") == str(step) and started == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if "die_always" in order:
        os.kill(os.getpid(), signal.SIGKILL)
    if order.get("hang_at") == str(step):
        time.sleep(600)
    if "eat" in order:
        held = bytearray(int(order["eat"]) << 20)
        time.sleep(600)
        del held
    if "fail" in order:
        tell("error", "The rows are not good.", code="bad_rows", detail="The rows are not good.")
        sys.exit(1)


def main() -> None:
    spec = json.loads((FOLDER / "spec.json").read_text())
    rows = [json.loads(line) for line in (FOLDER / spec["train"]).read_text().splitlines()]
    starts = FOLDER / "starts"
    started = len(starts.read_text()) + 1 if starts.exists() else 1
    starts.write_text("x" * started)
    checkpoints = FOLDER / spec["checkpoints"]
    saved = [int(path.name.partition("-")[2]) for path in checkpoints.glob("checkpoint-*")]
    total = len(rows) * int(spec["hyperparameters"].get("n_epochs") or 1)
    is_asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: is_asked.append(1))
    tell("message", f"Starting at step {max(saved, default=0) + 1}.")
    for step in range(max(saved, default=0) + 1, total + 1):
        obey(orders(rows), step, started)
        tell(
            "metrics",
            step=step,
            total_steps=total,
            train_loss=1 / step if step > 1 else float("nan"),
            train_mean_token_accuracy=1 - 1 / step,
            num_tokens=10 * step,
            seconds_left=(total - step) * STEP_S,
        )
        if is_asked and "save_slowly" in orders(rows):
            time.sleep(0.5)
        if step % 2 == 0 or is_asked:
            (checkpoints / f"checkpoint-{step}").mkdir(parents=True, exist_ok=True)
            tell(
                "checkpoint",
                step=step,
                path=str(checkpoints / f"checkpoint-{step}"),
                valid_loss=0.5,
            )
        if is_asked:
            sys.exit(3)
        time.sleep(STEP_S)
    model = FOLDER / spec["out"]
    model.mkdir(exist_ok=True)
    (model / "spec.json").write_text(json.dumps(spec))
    tell("result", trained_tokens=10 * total, template_hash="abc", separator="", stop=["<end>"])


main()
