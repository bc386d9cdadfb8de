"""What a loss curve says, in plain words: why, and what to change.

Loss only explains; whether the model answers well is asked of the model. The thresholds are
engineering defaults that the golden curves of the tests hold to, no published constants.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import correlation, fmean, linear_regression, median, pstdev
from typing import Any, Literal, NamedTuple

Verdict = Literal[
    "diverged", "sudden_jump", "oscillating", "overfitting", "flat", "too_low", "still_improving",
    "healthy", "too_short",
]  # fmt: skip
Severity = Literal["bad", "warn", "look", "ok"]
_ORDER = ("bad", "warn", "look", "ok")

FEWEST = 10
"""Logged losses below which nothing is said but that a run has diverged."""
SMALL = 0.02
"""Nats that count as no difference: a loss near 0 doubles by nothing."""
RECOVERS_WITHIN = 10
SWINGING = 20
FALLS_BY_EPOCH = 0.02
NO_TEXT = frozenset(("valid_f1", "train_reward_accuracy", "valid_reward_accuracy"))
"""Figures that only trainers of classifiers and of preferences log."""


@dataclass(frozen=True, slots=True)
class CurveFinding:
    """One thing that a curve says: why, what to change, the steps it is seen at, and for a jump
    the rows of its batch, as far as they were logged."""

    verdict: Verdict
    severity: Severity
    reason: str
    advice: str
    steps: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a curve says: several findings may hold; the first leads and gives the verdict."""

    verdict: Verdict
    severity: Severity
    findings: tuple[CurveFinding, ...]


class _Log(NamedTuple):
    step: int
    epoch: float | None
    loss: float
    grad_norm: float
    rows: tuple[int, ...]


class _Curve(NamedTuple):
    """`smooth` is the moving average of the losses, `evals` are (step, held-out loss), `start` and
    `end` the medians of the first and last losses. Labels and preferences may end near 0, texts
    (`is_text`) hardly."""

    logs: Sequence[_Log]
    losses: Sequence[float]
    smooth: Sequence[float]
    evals: Sequence[tuple[int, float]]
    start: float
    end: float
    is_text: bool


def diagnose(points: Sequence[Mapping[str, Any]]) -> Diagnosis:
    """What the curve of a run says, while it runs or when it has ended.

    Args:
        points: data of `metrics` events in their order (see `TuningEvent`); losses are in nats.
            Training and held-out losses may come in one point or each in its own.
    """
    curve = _curve(points)
    broken = _diverged(curve)
    findings = [broken] if broken else _findings(curve)
    return Diagnosis(findings[0].verdict, findings[0].severity, tuple(findings))


def _findings(curve: _Curve) -> list[CurveFinding]:
    """What holds of a curve that has not diverged, the worst first."""
    if len(curve.logs) < FEWEST:
        reason = f"Only {len(curve.logs)} losses were logged, too few to say anything."
        advice = "Log every step, or train for more steps: 200 to 2,000 are usual."
        return [CurveFinding("too_short", "look", reason, advice)]
    jumps, jumped = _jumps(curve)
    checks = _overfitting(curve), _oscillating(curve, jumped), _flat(curve), _too_low(curve)
    found = [*jumps, *filter(None, checks)]
    if not found:
        found += filter(None, [_still_improving(curve)])
    reason = "The loss falls and levels out, and nothing else stands out."
    advice = "Now ask it: answers to held-out questions decide, not the loss."
    return sorted(found, key=lambda finding: _ORDER.index(finding.severity)) or [
        CurveFinding("healthy", "ok", reason, advice)
    ]


def _curve(points: Sequence[Mapping[str, Any]]) -> _Curve:
    logs = [
        _Log(
            int(point.get("step") or 0),
            point.get("epoch"),
            float(point["train_loss"]),
            float(point.get("grad_norm") or 0.0),
            tuple(point.get("rows") or ()),
        )
        for point in points
        if point.get("train_loss") is not None
    ]
    evals = [
        (int(point.get("step") or 0), float(point["valid_loss"]))
        for point in points
        if point.get("valid_loss") is not None
    ]
    losses = [log.loss for log in logs]
    last = losses[-max(5, len(losses) // 10) :]
    start, end = median(losses[:5] or [0.0]), median(last or [0.0])
    is_text = not any(point.keys() & NO_TEXT for point in points)
    return _Curve(logs, losses, _smoothed(losses), evals, start, end, is_text)


def _smoothed(losses: Sequence[float]) -> list[float]:
    """Exponential moving average with a half-life of 5 % of the logs, at least 5."""
    keep = 0.5 ** (1 / max(5.0, 0.05 * len(losses)))
    smooth: list[float] = []
    for loss in losses:
        smooth.append(keep * smooth[-1] + (1 - keep) * loss if smooth else loss)
    return smooth


def _diverged(curve: _Curve) -> CurveFinding | None:
    advice = "Stop it. Divide the learning rate by 5, and look through the data."
    values = [*((log.step, log.loss) for log in curve.logs), *curve.evals]
    broken = [step for step, loss in values if not math.isfinite(loss)]
    if broken:
        reason = f"From step {broken[0]} on the loss is no number any more."
        return CurveFinding("diverged", "bad", reason, advice, (broken[0],))
    limit = 2 * curve.start + SMALL
    # The median too: one outlier lifts the average alone, and is a jump.
    last = (median(curve.losses[max(0, at - 4) : at + 1]) for at in range(len(curve.logs)))
    lows = map(min, curve.smooth, last)
    above = [log.step for log, low in zip(curve.logs, lows, strict=True) if low > limit]
    if not above or curve.end < curve.start:  # what has come back is a jump
        return None
    reason = f"The loss has risen to more than twice that of the start ({curve.start:.2f})."
    return CurveFinding("diverged", "bad", reason, advice, (above[0],))


def _jumps(curve: _Curve) -> tuple[list[CurveFinding], set[int]]:
    """The sudden jumps, and the places of the logs that belong to them."""
    found: list[CurveFinding] = []
    taken: set[int] = set()
    losses, smooth = curve.losses, curve.smooth
    rises = [0.0, *(loss - before for loss, before in zip(losses[1:], smooth, strict=False))]
    for place in range(FEWEST, len(losses)):
        recent = rises[max(0, place - 50) : place]
        spread = 1.4826 * median(abs(rise - median(recent)) for rise in recent)
        margin = max(4 * spread, 0.5 * smooth[place - 1], SMALL)
        if place in taken or rises[place] <= margin:
            continue
        after = range(place, min(place + RECOVERS_WITHIN + 1, len(losses)))
        back = [at for at in after if losses[at] <= smooth[place - 1] + margin / 2]
        taken |= set(range(place, back[0] if back else after.stop))
        found.append(_jump(curve, place, rises[place], bool(back)))
    return found, taken


def _jump(curve: _Curve, place: int, rise: float, is_over: bool) -> CurveFinding:
    log, norms = curve.logs[place], [other.grad_norm for other in curve.logs[:place]]
    is_steep = log.grad_norm > 10 * median(norms)
    steep = ", with a gradient over ten times as long as usual" if is_steep else ""
    ended = f"was {'' if is_over else 'not '}back within {RECOVERS_WITHIN} logs"
    again = "" if is_over else " Start again from the last checkpoint before it."
    return CurveFinding(
        "sudden_jump",
        "warn" if is_over else "bad",
        f"The loss jumped by {rise:.2f} at step {log.step}{steep}, and {ended}.",
        "Look at the rows of that batch: a bad or very long one does this. Cap the gradient "
        f"(max_grad_norm 0.3 to 1.0).{again}",
        (log.step,),
        log.rows,
    )


def _overfitting(curve: _Curve) -> CurveFinding | None:
    if len(curve.evals) < 3:
        return None
    losses = [loss for _, loss in curve.evals]
    best, worse = min(losses), min(losses[-2:])
    gaps = [loss - _smooth_at(curve, step) for step, loss in curve.evals[-3:]]
    if worse >= 1.05 * best and worse > best + SMALL / 2:
        severity: Severity = "bad" if worse >= 1.10 * best else "warn"
        reason = f"On held-out rows the loss rose from {best:.2f} to {losses[-1]:.2f}."
    elif gaps[0] < gaps[1] < gaps[2] and gaps[2] > 0.5:
        severity = "warn"
        reason = f"Held-out rows lose {gaps[2]:.2f} more than trained ones, and the gap grows."
    else:
        return None
    step = curve.evals[losses.index(best)][0]
    advice = f"Use the checkpoint nearest to step {step}. Fewer epochs, more and more varied rows, "
    return CurveFinding("overfitting", severity, reason, f"{advice}or dropout 0.05–0.1.", (step,))


def _smooth_at(curve: _Curve, step: int) -> float:
    near = min(range(len(curve.logs)), key=lambda place: abs(curve.logs[place].step - step))
    return curve.smooth[near]


def _oscillating(curve: _Curve, jumped: set[int]) -> CurveFinding | None:
    kept = [loss for place, loss in enumerate(curve.losses) if place not in jumped][-SWINGING:]
    if len(kept) < SWINGING:
        return None
    level = fmean(kept)
    # Line and parabola are taken out: the steep first steps of a short run are no swing.
    places = [place - (SWINGING - 1) / 2 for place in range(SWINGING)]
    for bend in (places, [place**2 for place in places]):
        slope = linear_regression(bend, kept).slope
        kept = [loss - slope * at for loss, at in zip(kept, bend, strict=True)]
    spread = pstdev(kept)
    share = spread / level if spread > SMALL else 0.0
    if share <= 0.15:
        return None
    return CurveFinding(
        "oscillating",
        "bad" if share > 0.30 else "warn",
        f"The last {SWINGING} losses swing by {share:.0%} around their trend.",
        "Double the batch (or accumulate), halve the learning rate, or warm up for longer.",
        (curve.logs[-SWINGING].step, curve.logs[-1].step),
    )


def _flat(curve: _Curve) -> CurveFinding | None:
    best = min((loss for step, loss in curve.evals if step), default=math.inf)
    untouched = next((loss for step, loss in curve.evals if not step), 0.0)
    fell = 1 - curve.end / curve.start if curve.start > 0 else 0.0
    if (curve.logs[-1].epoch or 1.0) < 1:
        return None
    if fell < 0.10 and curve.start >= 0.2:
        reason = f"The loss fell by {max(0.0, fell):.0%} only, from {curve.start:.2f}."
    elif untouched and 0.95 * untouched < best < math.inf:
        reason = f"Held-out rows lose {best:.2f} at best, and {untouched:.2f} untouched."
    else:
        return None
    advice = (
        "See first whether the answers are trained on at all (mask, chat template). Then raise the "
        "learning rate two or three times (LoRA wants 1e-4 to 2e-4), the rank or the epochs."
    )
    return CurveFinding("flat", "warn", reason, advice)


def _too_low(curve: _Curve) -> CurveFinding | None:
    if not curve.is_text:
        return None
    if curve.evals and curve.evals[-1][1] < 0.1:
        reason = f"A loss of {curve.evals[-1][1]:.2f} on held-out rows is lower than most text has."
    elif not curve.evals and curve.end < 0.2:
        reason = f"A loss of {curve.end:.2f} may be rows known by heart; no held-out rows tell."
    else:
        return None
    advice = (
        "A reason to look, no fault: short answers of one form get there honestly. See that no "
        "trained row is held out as well, and ask it in words that it was not trained on."
    )
    return CurveFinding("too_low", "look", reason, advice)


def _still_improving(curve: _Curve) -> CurveFinding | None:
    logs = curve.logs[-max(FEWEST, len(curve.logs) // 5) :]
    epochs, losses = [log.epoch or 0.0 for log in logs], [log.loss for log in logs]
    rises = bool(curve.evals) and curve.evals[-1][1] > min(loss for _, loss in curve.evals)
    if rises or epochs[0] == epochs[-1] or min(losses) == max(losses):
        return None
    share = linear_regression(epochs, losses).slope / fmean(losses)
    # By more than three standard errors of the slope (t of a correlation): less may be noise.
    is_sure = correlation(epochs, losses) < -3 / math.sqrt(len(logs) + 7)
    if share >= -FALLS_BY_EPOCH or not is_sure:
        return None
    return CurveFinding(
        "still_improving",
        "ok",
        f"At its end the loss still falls by {-share:.0%} an epoch.",
        "One more epoch may help: continue this model for one, or train again with one more.",
    )
