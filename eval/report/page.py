"""The report for people: one HTML file. No script, no font, no image from anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from eval.metrics.intervals import Interval
from eval.report.data import as_json
from eval.run.measuring import Result, ranking
from eval.run.running import Evaluation, EvaluationRun, Summary

CARDS = (
    "recall@1", "recall@5", "recall@10", "mrr", "ndcg@10", "answer@1", "answer in 1000 tokens",
    "answer said", "f1", "exact match", "answered", "refused", "citation precision",
    "groundedness", "correctness",
)  # fmt: skip
_JUDGED_BY = (
    "mrr", "answer in 1000 tokens", "answer said", "f1", "answered", "refused",
    "groundedness", "correctness",
)  # fmt: skip
_BINS = 12
WORST_SHOWN = 25
CHANGED_SHOWN = 10
LIMITS = {"SIGNIFICANT": 0.05, "HITS_SHOWN": 5, "TEXT_CHARACTERS": 420}


class Plot(NamedTuple):
    """Bars side by side: for each name what is shown and how long the bar of each series is."""

    label: str
    series: Sequence[str]
    rows: Sequence[tuple[str, Sequence[tuple[str, Interval]]]]


@dataclass(frozen=True)
class ShownQuestion:
    """A question as the page shows it; `tag` says what is remarkable."""

    result: Result
    tag: str

    @cached_property
    def is_right(self) -> list[bool]:
        """For each hit, whether it holds what was asked for."""
        return [bool(parts) for parts in ranking(self.result.question, self.result.response.hits)]

    @cached_property
    def never_seen(self) -> list[str]:
        """The expected documents that are neither among the hits nor left out."""
        response = self.result.response
        seen = {hit.document for hit in response.hits}
        seen |= {item.document for item in response.left_out or ()}
        wanted = dict.fromkeys(part.document for part in self.result.question.relevant)
        return [name for name in wanted if name not in seen]


def write(evaluation: Evaluation, path: Path) -> Path:
    """Write the page, and the same as JSON beside it; returns the path of the JSON.

    Raises:
        OSError: a file cannot be written.
    """
    path.write_text(html(evaluation), encoding="utf-8")
    beside = path.with_suffix(".json")
    beside.write_text(
        json.dumps(as_json(evaluation), ensure_ascii=False, indent=1), encoding="utf-8"
    )
    return beside


def html(evaluation: Evaluation) -> str:
    """The whole page."""
    after, before = evaluation.run.results, evaluation.against and evaluation.against.results
    values = {
        **LIMITS,
        "evaluation": evaluation,
        "cards": CARDS,
        "plots": list(_plots(evaluation)),
        "worsened": _changed(before, after, -1) if before else [],
        "bettered": _changed(before, after, 1) if before else [],
        "worst": _worst(after),
    }
    return rendered("page.html", values)


def rendered(template: str, values: Mapping[str, Any], *, package: str = "eval") -> str:
    """A page from a template in the folder `report/` of a package; all values are escaped.

    Templates of other packages may include the `style.css` of this one.
    """
    page = Environment(
        loader=ChoiceLoader([PackageLoader(package, "report"), PackageLoader("eval", "report")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page.tests["contains_words"] = lambda text: bool(text.strip())
    return page.get_template(template).render(values)


def _worth(result: Result) -> float:
    """One number for a question: the mean of what it was measured by; 1 if nothing was."""
    values = [result.values[name] for name in _JUDGED_BY if name in result.values]
    return sum(values) / len(values) if values else 1.0


def _worst(results: Sequence[Result]) -> list[ShownQuestion]:
    """The worst questions that are not all right, worst first."""
    bad = sorted((result for result in results if _worth(result) < 1), key=_worth)
    return [ShownQuestion(result, _place(result)) for result in bad[:WORST_SHOWN]]


def _changed(before: Sequence[Result], after: Sequence[Result], sign: int) -> list[ShownQuestion]:
    """The questions that a change made better (1) or worse (-1), by most first, as they are now."""
    moved = [
        (sign * (_worth(new) - _worth(old)), old, new)
        for old, new in zip(before, after, strict=True)
    ]
    most = sorted((item for item in moved if item[0] > 0), key=lambda item: -item[0])
    return [
        ShownQuestion(new, f"was {_worth(old):.2f}, is {_worth(new):.2f}")
        for _, old, new in most[:CHANGED_SHOWN]
    ]


def _place(result: Result) -> str:
    if result.response.error:
        return "failed"
    if not result.question.answerable:
        return "has no answer in the documents"
    if not result.question.relevant:
        return ""
    return f"found at {result.rank}" if result.rank else "not found"


def _plots(evaluation: Evaluation) -> Iterator[Plot]:
    runs = [evaluation.run, *([evaluation.against] if evaluation.against else [])]
    yield _plot("recall by k", {run.target: _by_k(run.summary) for run in runs})
    metric = _main_metric(evaluation.run.summary)
    for label, groups in (
        ("question type", [run.summary.by_type for run in runs]),
        ("language", [run.summary.by_language for run in runs]),
    ):
        values = {
            run.target: {
                name: g.metrics[metric] for name, g in group.items() if metric in g.metrics
            }
            for run, group in zip(runs, groups, strict=True)
        }
        if len(values[evaluation.run.target]) > 1:
            yield _plot(f"{metric} by {label}", values)
    yield _latency(evaluation.run)


def _plot(label: str, by_target: Mapping[str, Mapping[str, Interval]]) -> Plot:
    """A bar for each value that all targets have, with a whisker for its interval."""
    first, *others = by_target.values()
    names = [name for name in first if all(name in other for other in others)]
    rows = [
        (name, [(f"{100 * v[name].mean:.1f} %", v[name]) for v in by_target.values()])
        for name in names
    ]
    return Plot(label, list(by_target), rows)


def _latency(run: EvaluationRun) -> Plot:
    """How many questions took how long; the slowest hundredth is left out."""
    times = [r.response.took_ms for r in run.results if not r.response.error]
    longest = float(np.quantile(times, 0.99)) if times else 0.0
    counts, edges = np.histogram(times, bins=_BINS, range=(0.0, longest or 1.0))
    shares = [float(count) / max(1, counts.max()) for count in counts]
    rows = [
        (f"{start:.0f} to {end:.0f}", [(str(count), Interval(share, share, share))])
        for start, end, count, share in zip(edges, edges[1:], counts, shares, strict=False)
    ]
    return Plot("questions by latency in ms", [run.target], rows if len(times) > 1 else [])


def _by_k(summary: Summary) -> dict[str, Interval]:
    prefix = "recall@"
    return {k.removeprefix(prefix): v for k, v in summary.metrics.items() if k.startswith(prefix)}


def _main_metric(summary: Summary) -> str:
    wanted = ("f1", "recall@5", "answer in 1000 tokens", *summary.metrics)
    return next((name for name in wanted if name in summary.metrics), "")
