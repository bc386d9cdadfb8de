"""What a tuned variant has to show before it answers anybody: the gates of a roll-out.

Their figures come from the report of four arms (`kb tune report`), as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kb.errors import Conflict
from kb.types import Failure


class GateNotMet(Conflict):
    """The tuned variant has not shown that it may answer."""

    code = "gate_not_met"


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares from 0 to 1; None where nothing was measured.

    `kept` is what the tuned model still knows of earlier rounds, `valid` the answers in the form
    that was asked for.
    """

    base: float | None = None
    tuned: float | None = None
    kept: float | None = None
    valid: float | None = None


@dataclass(frozen=True, slots=True)
class Gates:
    """The limits. Points are hundredths; shares are from 0 to 1.

    `most_worse_points` is what the tuned variant may be right less often than base, and needs a
    report; None switches that gate off. The others are judged where they were measured.
    """

    most_worse_points: float | None = 2.0
    least_kept: float = 0.9
    least_valid: float = 0.95


def figures_of(report: Mapping[str, Any]) -> Figures:
    """The figures of a report; of the arms with and without retrieval, the better one counts."""
    arms = report.get("arms")
    arms = arms if isinstance(arms, Mapping) else {}

    def best(*names: str, of: str) -> float | None:
        found = (arms[name].get(of) for name in names if isinstance(arms.get(name), Mapping))
        return max((value for value in map(_share, found) if value is not None), default=None)

    tuned = ("tuned", "tuned_retrieval")
    valid = best(*tuned, of="format")
    return Figures(
        base=best("base", "base_retrieval", of="correct"),
        tuned=best(*tuned, of="correct"),
        kept=_share(report.get("kept")),
        valid=_share(report.get("format")) if valid is None else valid,
    )


def not_met(figures: Figures, gates: Gates) -> tuple[Failure, ...]:
    """The gates that are shut, each with its figure."""
    return tuple(Failure("gate_not_met", sentence) for sentence in _shut(figures, gates))


def _shut(figures: Figures, gates: Gates) -> Iterator[str]:
    base, tuned, most = figures.base, figures.tuned, gates.most_worse_points
    if most is not None and (base is None or tuned is None):
        yield "No evaluation compares the tuned variant with base. Send the `report` of one."
    elif most is not None and (base or 0.0) - (tuned or 0.0) > most / 100:
        yield (
            f"It is right in {tuned:.1%} of the questions and base in {base:.1%}: more than "
            f"{most:g} points worse."
        )
    if figures.kept is not None and figures.kept < gates.least_kept:
        yield f"It still knows {figures.kept:.1%} of what it knew; {gates.least_kept:.0%} is asked."
    if figures.valid is not None and figures.valid < gates.least_valid:
        yield (
            f"{figures.valid:.1%} of its answers have the form that is asked for; "
            f"{gates.least_valid:.0%} have to."
        )


def _share(value: object) -> float | None:
    is_share = isinstance(value, int | float) and 0 <= value <= 1
    return float(value) if is_share and isinstance(value, int | float) else None
