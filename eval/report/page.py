"""The report for people: one HTML file. No script, no font, no image from anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from eval.metrics.intervals import Interval
from eval.report.data import as_json
from eval.report.markup import (
    card,
    escape,
    number,
    percent,
    points,
    section,
    table,
    with_interval,
)
from eval.report.misses import changed, worst
from eval.report.plots import Series, bars, curves, histogram
from eval.run.running import Evaluation, Run
from eval.run.summary import GroupSummary, MetricChange, Summary

STYLE = Path(__file__).with_name("style.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_CARDS = (
    "recall@1", "recall@5", "recall@10", "mrr", "ndcg@10", "answer@1", "answer in 1000 tokens",
    "answer said", "f1", "exact match", "answered", "refused", "citation precision",
    "groundedness", "correctness",
)  # fmt: skip
_SIGNIFICANT = 0.05


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
    one, against = evaluation.run, evaluation.against
    title = f"{evaluation.questions}: {one.target}" + (
        f" against {against.target}" if against else ""
    )
    body = "".join(
        (
            f"<h1>{escape(title)}</h1>{_about(evaluation)}",
            _bars(evaluation),
            f'<div class="cards">{"".join(_cards(one.summary))}</div>',
            section("MetricChange", _compared(evaluation), note=_COMPARED_NOTE),
            section("Plots", f'<div class="plots">{"".join(_plots(evaluation))}</div>'),
            section("All metrics", "" if against else _metrics(one.summary), note=_METRICS_NOTE),
            section("By question type", _groups(one.summary.by_type)),
            section("By language", _groups(one.summary.by_language)),
            *_changes(one, against),
            section("Worst questions", worst(one.results), note=_WORST_NOTE),
        )
    )
    style = STYLE.read_text(encoding="utf-8")
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f"<title>{escape(title)}</title><style>{style}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


_COMPARED_NOTE = (
    "Paired bootstrap over the questions. Better or worse is said only below a 5 % chance of "
    "seeing as much by luck; with many metrics one in twenty passes by luck all the same."
)
_METRICS_NOTE = "In percent, with 95 % intervals from the bootstrap over questions."
_WORST_NOTE = (
    "Worst first. A green line marks a passage that holds what was asked for; below each passage "
    "stands why the search ranked it so."
)


def _about(evaluation: Evaluation) -> str:
    summary = evaluation.run.summary
    failed = f" · {summary.failed} failed" if summary.failed else ""
    return (
        f'<p class="about">{summary.questions} questions{failed} · '
        f"{escape(evaluation.created_at)}</p>"
    )


def _bars(evaluation: Evaluation) -> str:
    lines = [
        f'<p class="{"good" if bar.is_held else "bad"}">{escape(bar.metric)} is '
        f"{percent(bar.reached or 0)}, the bar is {percent(bar.least)}: "
        f"{'held' if bar.is_held else 'not held'}.</p>"
        for bar in evaluation.bars
    ]
    return "".join(lines)


def _cards(summary: Summary) -> Iterator[str]:
    for name in _CARDS:
        if name in summary.overall:
            found = summary.overall[name]
            low, high = found.low * 100, found.high * 100
            yield card(name, percent(found.mean), f"{low:.1f}&#8211;{high:.1f}")
    if summary.refusals is not None and summary.refusals.precision is not None:
        yield card("refusal precision", percent(summary.refusals.precision))
    if summary.latency is not None:
        detail = f"p95 {number(summary.latency.p95)} ms"
        yield card("latency p50", f"{number(summary.latency.p50)} ms", detail)


def _compared(evaluation: Evaluation) -> str:
    if evaluation.against is None:
        return ""
    targets = evaluation.against.target, evaluation.run.target
    return table(
        ("metric", *targets, "difference", "p", "", "questions"),
        [
            (
                escape(row.metric),
                percent(row.before),
                percent(row.after),
                f"{points(row.difference.mean)} <small>{points(row.difference.low)} … "
                f"{points(row.difference.high)}</small>",
                f"{row.difference.p_value:.3f}",
                _verdict(row),
                str(row.questions),
            )
            for row in evaluation.compared
        ],
    )


def _verdict(row: MetricChange) -> str:
    if row.difference.p_value >= _SIGNIFICANT:
        return "no difference shown"
    better = row.difference.mean > 0
    return f'<b class="{"good" if better else "bad"}">{"better" if better else "worse"}</b>'


def _plots(evaluation: Evaluation) -> Iterator[str]:
    runs = [evaluation.run, *([evaluation.against] if evaluation.against else [])]
    by_k = [Series(run.target, _by_k(run.summary)) for run in runs]
    ks = [int(k) for k in by_k[0].values]
    if ks:
        yield curves(by_k, ks, "recall by k, in percent")
    metric = _main_metric(evaluation.run.summary)
    if metric:
        for label, groups in (
            ("question type", [run.summary.by_type for run in runs]),
            ("language", [run.summary.by_language for run in runs]),
        ):
            series = [
                Series(
                    run.target,
                    {name: g.metrics[metric] for name, g in group.items() if metric in g.metrics},
                )
                for run, group in zip(runs, groups, strict=True)
            ]
            if len(series[0].values) > 1:
                yield bars(series, f"{metric} by {label}, in percent")
    times = [r.response.took_ms for r in evaluation.run.results if not r.response.error]
    yield histogram(times, f"latency of {evaluation.run.target} in ms, number of questions")


def _by_k(summary: Summary) -> dict[str, Interval]:
    prefix = "recall@"
    return {k.removeprefix(prefix): v for k, v in summary.overall.items() if k.startswith(prefix)}


def _main_metric(summary: Summary) -> str:
    wanted = ("f1", "recall@5", "answer in 1000 tokens", *summary.overall)
    return next((name for name in wanted if name in summary.overall), "")


def _metrics(summary: Summary) -> str:
    rows = [(escape(name), with_interval(found)) for name, found in summary.overall.items()]
    return table(("metric", "mean"), rows)


def _groups(groups: Mapping[str, GroupSummary]) -> str:
    if len(groups) < 2:
        return ""  # it would repeat the whole
    shown = [name for name in _CARDS if any(name in group.metrics for group in groups.values())]
    return table(
        ("", "questions", *shown),
        [
            (
                escape(name),
                str(group.questions),
                *(percent(group.metrics[m].mean) if m in group.metrics else "" for m in shown),
            )
            for name, group in groups.items()
        ],
    )


def _changes(one: Run, against: Run | None) -> Iterator[str]:
    if against is not None:
        for title, better in (("Got worse", False), ("Got better", True)):
            yield section(title, changed(against.results, one.results, better=better))
