"""A run: every question put to a target, measured, summed up; and two of them side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from eval.metrics.intervals import Interval, MeanDifference, bootstrap_interval, paired_bootstrap
from eval.metrics.precision_recall import refusal_precision
from eval.run.measuring import DEFAULT_KS, Result, measured
from eval.types import QuestionSet, Target
from kb.errors import Rejected

Judge = Callable[[Result], Result]
"""Adds values to an answered question."""
Intervals = dict[str, Interval]
FEWEST_IN_GROUP = 5
"""Smaller groups are not shown: their intervals would span everything."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds over all questions that were answered."""

    p50: float
    p95: float
    longest: float


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """The metrics of the questions that have something in common."""

    questions: int
    metrics: Intervals


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run comes to. `by_type` and `by_language` hold the same metrics by group;
    `refusal_precision` is None where nothing was refused."""

    questions: int
    failed: int
    metrics: Intervals
    by_type: Mapping[str, GroupSummary]
    by_language: Mapping[str, GroupSummary]
    latency_ms: Latency | None
    refusal_precision: float | None


@dataclass(frozen=True, slots=True)
class MetricChange:
    """A metric in two runs over the questions that have a value in both."""

    metric: str
    questions: int
    before: float
    after: float
    difference: MeanDifference


@dataclass(frozen=True, slots=True)
class EvaluationRun:
    """What became of a set's questions at one target."""

    target: str
    results: Sequence[Result]
    summary: Summary


@dataclass(frozen=True, slots=True)
class Bar:
    """The least that the mean of a metric may be, and what it is (None: not measured)."""

    metric: str
    least: float
    reached: float | None = None

    @property
    def is_held(self) -> bool:
        """Whether the metric was measured and is high enough."""
        return self.reached is not None and self.reached >= self.least


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that a report shows. `compared` is `run` after `against`, metric by metric."""

    questions: str
    created_at: str
    run: EvaluationRun
    against: EvaluationRun | None
    compared: Sequence[MetricChange]
    bars: Sequence[Bar]


def run(
    questions: QuestionSet,
    target: Target,
    *,
    ks: Sequence[int] = DEFAULT_KS,
    judge: Judge | None = None,
    on_result: Callable[[], None] = lambda: None,
) -> EvaluationRun:
    """Ask all questions, one after the other, so that latency is that of a single user.

    Args:
        ks: the k of recall@k and hit@k.
        judge: adds what a language model thinks of the answers.
        on_result: called after each question.
    """

    def results() -> Iterator[Result]:
        for question in questions.questions:
            result = measured(question, target.ask(question), ks)
            yield judge(result) if judge else result
            on_result()

    found = list(results())
    return EvaluationRun(target.name, found, summarise(found))


def evaluation(
    questions: QuestionSet,
    one: EvaluationRun,
    against: EvaluationRun | None = None,
    *,
    bars: Sequence[Bar] = (),
) -> Evaluation:
    """A run, compared with another if there is one, and held against bars.

    Raises:
        Rejected: a bar names a metric that was not measured.
    """
    reached = {name: interval.mean for name, interval in one.summary.metrics.items()}
    unknown = [bar.metric for bar in bars if bar.metric not in reached]
    if unknown:
        raise Rejected(
            f"{', '.join(unknown)}: not measured here. Measured were: {', '.join(reached)}."
        )
    return Evaluation(
        questions=questions.name,
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
        run=one,
        against=against,
        compared=compare(against.results, one.results) if against else (),
        bars=[Bar(bar.metric, bar.least, reached[bar.metric]) for bar in bars],
    )


def summarise(results: Sequence[Result], *, seed: int = 0) -> Summary:
    """Means and 95 % intervals of every metric, over all and by group."""
    return Summary(
        questions=len(results),
        failed=sum(1 for result in results if result.response.error),
        metrics=_intervals(results, seed),
        by_type=_by(results, lambda result: result.question.type, seed),
        by_language=_by(results, lambda result: result.question.language, seed),
        latency_ms=_latency(results),
        refusal_precision=refusal_precision(
            [r.question.answerable for r in results if _is_refused(r)]
        ),
    )


def compare(
    before: Sequence[Result], after: Sequence[Result], *, seed: int = 0
) -> list[MetricChange]:
    """Each metric of two runs over the same questions, in the same order.

    Raises:
        ValueError: the runs are over different questions.
    """
    pairs = list(zip(before, after, strict=True))
    if any(one.question.id != other.question.id for one, other in pairs):
        raise ValueError("Only runs over the same questions can be compared.")
    found = []
    for metric in metrics_of(after):
        values = [
            (one.values[metric], other.values[metric])
            for one, other in pairs
            if metric in one.values and metric in other.values
        ]
        if values:
            old, new = zip(*values, strict=True)
            difference = paired_bootstrap(old, new, seed=seed)
            means = sum(old) / len(old), sum(new) / len(new)
            found.append(MetricChange(metric, len(values), *means, difference))
    return found


def metrics_of(results: Sequence[Result]) -> list[str]:
    """The metrics that have a value anywhere, in the order in which they are taken."""
    return list(dict.fromkeys(metric for result in results for metric in result.values))


def _by(
    results: Sequence[Result], key: Callable[[Result], str], seed: int
) -> dict[str, GroupSummary]:
    groups: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        groups[key(result)].append(result)
    return {
        name: GroupSummary(len(group), _intervals(group, seed))
        for name, group in sorted(groups.items(), key=lambda item: -len(item[1]))
        if name and len(group) >= FEWEST_IN_GROUP
    }


def _intervals(results: Sequence[Result], seed: int) -> Intervals:
    found = {}
    for metric in metrics_of(results):
        values = [result.values[metric] for result in results if metric in result.values]
        found[metric] = bootstrap_interval(values, seed=seed)
    return found


def _is_refused(result: Result) -> bool:
    return result.response.answer is not None and result.response.answer.is_refusal


def _latency(results: Sequence[Result]) -> Latency | None:
    times = sorted(result.response.took_ms for result in results if not result.response.error)
    if not times:
        return None
    p50, p95 = (float(np.quantile(times, share)) for share in (0.5, 0.95))
    return Latency(p50, p95, times[-1])
