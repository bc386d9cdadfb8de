"""Loss curves made by formulas with noise, and what each of them should be told to be.

`near misses` look like a fault and are none.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

Points = list[dict[str, Any]]
STEPS = 200
EPOCHS = 3


class Golden(NamedTuple):
    """A curve, the verdict that leads, and all others that hold (None: any)."""

    name: str
    points: Points
    leads: str
    others: tuple[str, ...] = ()
    severity: str = ""


def curve(
    loss: Callable[[float], float],
    held_out: Callable[[float], float] | None = None,
    *,
    noise: float = 0.05,
    steps: int = STEPS,
    epochs: float = EPOCHS,
    evals: int = 6,
    seed: int = 1,
) -> Points:
    """Points of a run; `loss` and `held_out` take the share of the run from 0 to 1, noise is a
    share of the loss."""
    dice = random.Random(seed)
    points: Points = []
    every = max(1, steps // evals)
    if held_out:
        points.append({"step": 0, "epoch": 0.0, "valid_loss": held_out(0.0)})
    for step in range(1, steps + 1):
        share = step / steps
        point: dict[str, Any] = {
            "step": step,
            "epoch": epochs * share,
            "train_loss": max(0.0, loss(share) * (1 + dice.gauss(0, noise))),
            "grad_norm": 1 + 0.2 * abs(dice.gauss(0, 1)),
            "rows": [8 * step, 8 * step + 1],
        }
        if held_out and step % every == 0:
            point["valid_loss"] = held_out(share) * (1 + dice.gauss(0, 0.004))
        points.append(point)
    return points


def falling(share: float, *, start: float = 2.5, end: float = 0.8, speed: float = 8) -> float:
    """An exponential fall that has levelled out at its end."""
    return end + (start - end) * math.exp(-speed * share)


def with_jump(points: Points, at: int, *, length: int, by: float, steep: bool = True) -> Points:
    """The same curve, higher by `by` for so many steps from step `at` on."""
    changed = [dict(point) for point in points]
    inside = [p for p in changed if "train_loss" in p and at <= p["step"] < at + length]
    for point in inside:
        point["train_loss"] += by
        point["grad_norm"] *= 30 if steep else 1
    return changed


def _broken(points: Points, at: int) -> Points:
    return [{**p, "train_loss": math.nan} if p["step"] >= at else p for p in points]


def _swinging(size: float) -> Callable[[float], float]:
    return lambda share: falling(share) * (1 + size * math.sin(share * STEPS * 2 * math.pi / 5))


def _held(share: float) -> float:
    return falling(share, end=0.9)


def _turning(by: float) -> Callable[[float], float]:
    """Held-out loss that falls until half of the run and has risen by a share at its end."""
    return lambda share: _held(share) * (1 + by * max(0.0, share - 0.5) * 2)


def golden_curves() -> list[Golden]:
    """One curve or more for each verdict, and near misses."""
    healthy = curve(falling, _held)
    jump = {"length": 1, "by": 3.0}
    low = partial(falling, end=0.02, speed=12)
    return [
        Golden("levels out", healthy, "healthy"),
        Golden("levels out, nothing held out", curve(falling), "healthy"),
        Golden("not a number from step 120", _broken(healthy, 120), "diverged", severity="bad"),
        Golden(
            "climbs after warm-up", curve(lambda s: 2.5 + 6 * max(0, s - 0.3)), "diverged",
            severity="bad",
        ),
        Golden(
            "blew up, and comes slowly back",
            curve(lambda s: 2.5 + 30 * max(0.0, min(10 * s - 1, 1.05 - s))),
            "diverged", severity="bad",
        ),
        Golden("one bad batch", with_jump(healthy, 90, **jump), "sudden_jump", severity="warn"),
        Golden(
            "jumps and stays up", with_jump(healthy, 120, length=99, by=0.9, steep=False),
            "sudden_jump", severity="bad",
        ),
        Golden("swings by a quarter", curve(_swinging(0.35), noise=0), "oscillating", (), "warn"),
        Golden("swings by half", curve(_swinging(0.6), noise=0), "oscillating", (), "bad"),
        Golden("noise of 22 %", curve(falling, noise=0.22), "oscillating", (), "warn"),
        Golden("does not move", curve(lambda s: 2.5 - 0.1 * s), "flat", (), "warn"),
        Golden(
            "learns nothing that carries over",
            curve(lambda s: 2.5 - 0.4 * s, lambda s: 2.6 - 0.05 * s), "flat", (), "warn",
        ),
        Golden(
            "held-out rows +6 %, then +10 %", curve(falling, _turning(0.14)),
            "overfitting", (), "warn",
        ),
        Golden("held-out rows +30 %", curve(falling, _turning(0.3)), "overfitting", (), "bad"),
        Golden(
            "the gap grows", curve(lambda s: falling(s, end=0.2, speed=3), lambda s: 2.5 - 0.4 * s),
            "overfitting", (), "warn",
        ),
        Golden("near 0, nothing held out", curve(low, noise=0.1), "too_low", (), "look"),
        Golden(
            "near 0 on held-out rows too",
            curve(low, partial(falling, end=0.03, speed=12)), "too_low", (), "look",
        ),
        Golden(
            "still falls at its end",
            curve(lambda s: 2.5 - 1.2 * s, lambda s: 2.6 - 1.0 * s), "still_improving", (), "ok",
        ),
        Golden("6 losses", curve(falling, steps=6), "too_short", (), "look"),
        Golden(
            "a bad batch, and overfitting", with_jump(curve(falling, _turning(0.3)), 90, **jump),
            "overfitting", ("sudden_jump",), "bad",
        ),
    ]  # fmt: skip


def near_misses() -> list[Golden]:
    """Curves that look like a fault and are none."""
    measured = [0.990, 0.971, 1.019, 1.007]  # 50 rows; stopped a run that was still learning
    stopped = curve(lambda s: falling(s, end=0.9, start=1.3))
    for number, loss in enumerate(measured):
        stopped.append({"step": 50 * (number + 1), "valid_loss": loss})
    return [
        Golden("noise of 10 %", curve(falling, _held, noise=0.10), "healthy"),
        Golden(
            "a batch 30 % above", with_jump(curve(falling, _held), 150, length=1, by=0.25),
            "healthy",
        ),
        Golden(
            "a rise in warm-up",
            curve(lambda s: falling(s) * (1.25 if 0.02 < s < 0.05 else 1), _held), "healthy",
        ),
        Golden("held-out rows +3 %", curve(falling, _turning(0.03)), "healthy"),
        Golden("a small held-out set wavers", stopped, "healthy"),
        Golden("in its first half epoch", curve(lambda s: 2.5 - 0.1 * s, epochs=0.5), "healthy"),
        Golden(
            "continues a model that is near 0", curve(lambda s: 0.03 - 0.01 * s, noise=0.6),
            "too_low",
        ),
        Golden(
            "20 steps that fall steeply",
            curve(lambda s: falling(s, start=6.5, end=2.2, speed=5), noise=0.03, steps=20),
            "still_improving",
        ),
        Golden("25 steps", curve(lambda s: falling(s, speed=6), steps=25), "healthy"),
    ]  # fmt: skip
