"""What a tuned variant has to show before it answers anybody: the gates of a roll-out.

Their figures are those of the report of four arms (`kb tune report`), or else of the job that has
made the model: its held-out rows before and after.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kb.errors import Conflict
from kb.store.engine.database import Transaction
from kb.store.tuning import jobs, tuned_models
from kb.types import Failure, Scope


class GateNotMet(Conflict):
    """The tuned variant has not shown that it may answer."""

    code = "gate_not_met"


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares of answers that are right, from 0 to 1; None where nothing was measured.

    `kept` is what the tuned model still knows of earlier rounds, `valid` the answers in the form
    that was asked for.
    """

    base: float | None = None
    tuned: float | None = None
    kept: float | None = None
    valid: float | None = None


@dataclass(frozen=True, slots=True)
class Gates:
    """The limits: points are hundredths. `most_worse_points` needs an evaluation, None asks for
    none; the others are judged where they were measured."""

    most_worse_points: float | None = 2.0
    least_kept: float = 0.9
    least_valid: float = 0.95


def figures(tx: Transaction, scope: Scope, model: str | None, report: Mapping[str, Any]) -> Figures:
    """The figures of a report; without one, those of the job that has made a model."""
    tuned = None if report or model is None else tuned_models.find(tx, scope, model)
    return _of_report(report) if tuned is None else _of_job(tx, tuned.job_id)


def not_met(found: Figures, gates: Gates) -> tuple[Failure, ...]:
    """The gates that are shut, each with its figure."""
    return tuple(Failure("gate_not_met", sentence) for sentence in _shut(found, gates))


def _of_report(report: Mapping[str, Any]) -> Figures:
    """Of the arms with and without retrieval, the better one counts."""

    def best(variant: str, measure: str) -> float | None:
        arms = (variant, f"{variant}_retrieval")
        shares = (_share(report, "arms", arm, measure) for arm in arms)
        return max((share for share in shares if share is not None), default=None)

    measured = best("base", "correct"), best("tuned", "correct")
    return Figures(*measured, kept=_share(report, "kept"), valid=best("tuned", "format"))


def _of_job(tx: Transaction, job_id: str) -> Figures:
    events = reversed(jobs.all_events(tx, job_id, "message"))
    data = next((event.data for event in events if "valid" in event.data), {})
    old, before = data.get("old_valid", {}), _share(data, "old_valid", "before", "exact_match")
    known = (before or 0.0) * old.get("rows", 0)
    return Figures(
        base=_share(data, "valid", "before", "exact_match"),
        tuned=_share(data, "valid", "after", "exact_match"),
        kept=1 - len(old["forgotten"]) / known if known else None,
        valid=_share(data, "valid", "after", "format"),
    )


def _shut(found: Figures, gates: Gates) -> Iterator[str]:
    base, tuned, most = found.base, found.tuned, gates.most_worse_points
    if most is not None and (base is None or tuned is None):
        yield "No evaluation compares the tuned variant with base. Send the `report` of one."
    elif most is not None and base is not None and tuned is not None and base - tuned > most / 100:
        yield f"Tuned is right in {tuned:.1%} and base in {base:.1%}: over {most:g} points worse."
    if found.kept is not None and found.kept < gates.least_kept:
        yield f"It still knows {found.kept:.1%} of what it knew: under {gates.least_kept:.0%}."
    if found.valid is not None and found.valid < gates.least_valid:
        yield f"{found.valid:.1%} of its answers have their form: under {gates.least_valid:.0%}."


def _share(data: Any, *path: str) -> float | None:
    for name in path:
        data = data.get(name) if isinstance(data, Mapping) else None
    return float(data) if isinstance(data, int | float) and 0 <= data <= 1 else None
