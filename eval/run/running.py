"""A run: every question put to a target, measured; and two of them side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from eval.run.measuring import DEFAULT_KS, Result, measured
from eval.run.summary import MetricChange, Summary, compare, summarise
from eval.run.targets import EvaluationTarget
from eval.types import QuestionSet
from kb.errors import Rejected

Judge = Callable[[Result], Result]
"""Adds values to an answered question."""


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
    target: EvaluationTarget,
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
