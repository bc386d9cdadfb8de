"""The report for machines: everything that the page shows, and every question."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from eval.metrics.intervals import Interval
from eval.run.measuring import Result
from eval.run.running import Evaluation, Run
from eval.run.summary import GroupSummary
from eval.types import FoundPassage

Json = dict[str, Any]
HITS_KEPT = 10
TEXT_CHARACTERS = 500
"""As much of a passage as it takes to know it; the documents hold the rest."""
_DIGITS = 6


def as_json(evaluation: Evaluation) -> Json:
    """The evaluation as JSON; numbers are rounded to six digits."""
    return {
        "questions": evaluation.questions,
        "created_at": evaluation.created_at,
        "run": _run(evaluation.run),
        "against": None if evaluation.against is None else _run(evaluation.against),
        "compared": [_rounded(asdict(item)) for item in evaluation.compared],
        "bars": [{**asdict(bar), "held": bar.is_held} for bar in evaluation.bars],
        "held": all(bar.is_held for bar in evaluation.bars),
    }


def _run(run: Run) -> Json:
    summary = run.summary
    return {
        "target": run.target,
        "questions": summary.questions,
        "failed": summary.failed,
        "metrics": _intervals(summary.overall),
        "by_type": _groups(summary.by_type),
        "by_language": _groups(summary.by_language),
        "latency_ms": _rounded(asdict(summary.latency)) if summary.latency else None,
        "refusals": _rounded(asdict(summary.refusals)) if summary.refusals else None,
        "results": [_result(result) for result in run.results],
    }


def _groups(groups: Mapping[str, GroupSummary]) -> Json:
    return {
        name: {"questions": group.questions, "metrics": _intervals(group.metrics)}
        for name, group in groups.items()
    }


def _intervals(intervals: Mapping[str, Interval]) -> Json:
    return {name: _rounded(asdict(interval)) for name, interval in intervals.items()}


def _result(result: Result) -> Json:
    question, response = result.question, result.response
    return {
        "id": question.id,
        "question": question.text,
        "answers": list(question.answers),
        "answerable": question.answerable,
        "type": question.type,
        "language": question.language,
        "relevant": [asdict(part) for part in question.relevant],
        "rank": result.rank,
        "values": _rounded(dict(result.values)),
        "took_ms": round(response.took_ms, 1),
        "error": response.error or None,
        "answer": response.answer.text if response.answer else None,
        "refused": response.answer.is_refusal if response.answer else None,
        "hits": [_hit(hit) for hit in response.hits[:HITS_KEPT]],
        "left_out": [asdict(item) for item in (response.left_out or ())[:HITS_KEPT]],
    }


def _hit(hit: FoundPassage) -> Json:
    return {
        "document": hit.document,
        "spans": [asdict(span) for span in hit.spans],
        "score": hit.score,
        "why": dict(hit.why),
        "text": hit.text[:TEXT_CHARACTERS],
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    return value
