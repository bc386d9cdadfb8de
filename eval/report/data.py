"""The report for machines: everything that the page shows, and every question."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from eval.run.measuring import Result
from eval.run.running import Evaluation, EvaluationRun

HITS_KEPT = 10
TEXT_CHARACTERS = 500
"""As much of a passage as it takes to know it; the documents hold the rest."""
_DIGITS = 6


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation as JSON; numbers are rounded to six digits."""
    return {
        "questions": evaluation.questions,
        "created_at": evaluation.created_at,
        "run": _run(evaluation.run),
        "against": None if evaluation.against is None else _run(evaluation.against),
        "compared": [rounded(asdict(item)) for item in evaluation.compared],
        "bars": [{**asdict(bar), "held": bar.is_held} for bar in evaluation.bars],
        "held": all(bar.is_held for bar in evaluation.bars),
    }


def _run(run: EvaluationRun) -> dict[str, Any]:
    results = [_result(result) for result in run.results]
    return {"target": run.target, **rounded(asdict(run.summary)), "results": results}


def _result(result: Result) -> dict[str, Any]:
    question, response = asdict(result.question), result.response
    return {
        "id": question.pop("id"),
        "question": question.pop("text"),
        **{name: value for name, value in question.items() if name not in ("need", "reference")},
        "rank": result.rank,
        "values": rounded(dict(result.values)),
        "took_ms": round(response.took_ms, 1),
        "error": response.error or None,
        "answer": response.answer.text if response.answer else None,
        "refused": response.answer.is_refusal if response.answer else None,
        "hits": [
            {
                "document": hit.document,
                "spans": [asdict(span) for span in hit.spans],
                "score": hit.score,
                "why": dict(hit.why),
                "text": hit.text[:TEXT_CHARACTERS],
            }
            for hit in response.hits[:HITS_KEPT]
        ],
        "left_out": [asdict(item) for item in (response.left_out or ())[:HITS_KEPT]],
    }


def rounded(value: Any) -> Any:
    """A value with its numbers rounded to six digits, as deep as it goes."""
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, dict):
        return {name: rounded(item) for name, item in value.items()}
    return value
