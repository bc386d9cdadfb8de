"""Between what a run measures and what is stored of it: a result, and the outcome of a question."""

from __future__ import annotations

from dataclasses import asdict

from eval.question_sets.own import question_of
from eval.report.data import HITS_KEPT
from eval.run.measuring import Result, is_right
from eval.types import AppAnswer, FoundPassage, TargetResponse
from kb.search.scoring import Verdict, judged
from kb.types import EvaluationOutcome, Retrieval, Span


def outcome_of(asked: EvaluationOutcome, result: Result) -> EvaluationOutcome:
    """What is stored of a result, in place of the outcome that waited for it."""
    response = result.response
    return EvaluationOutcome(
        asked.run_id,
        asked.number,
        asked.question,
        is_done=True,
        is_right=is_right(result),
        verdict=None if response.error else verdict(response),
        answer=response.answer.text if response.answer else None,
        passages=[_told(hit) for hit in response.hits[:HITS_KEPT]],
        metrics=dict(result.values),
        rank=result.rank,
        took_ms=round(response.took_ms, 1),
        error=response.error,
        error_code=response.error_code,
    )


def verdict(response: TargetResponse) -> Verdict:
    """How sure an answer is, or what the best score of a search would make of one."""
    answer = response.answer
    if answer is None:
        return judged(max((hit.score for hit in response.hits), default=-1.0), Retrieval())
    return "refused" if answer.is_refusal else "weak" if answer.is_grounded is False else "answered"


def result_of(outcome: EvaluationOutcome) -> Result:
    """The result that an outcome was made of, as far as it was stored."""
    hits = [
        FoundPassage(
            document=each["document_name"],
            text=each["text"],
            spans=tuple(Span(**span) for span in each["spans"]),
            score=each["score"],
            heading=each["heading"],
            document_id=each["document_id"],
        )
        for each in outcome.passages
    ]
    answer = None
    if outcome.answer is not None:
        answer = AppAnswer(outcome.answer, is_refusal=outcome.verdict == "refused")
    question = question_of(outcome.question, outcome.number, "the run")
    response = TargetResponse(hits, outcome.took_ms, answer, outcome.error)
    return Result(question, response, outcome.metrics, outcome.rank)


def _told(hit: FoundPassage) -> dict[str, object]:
    return {
        "document_id": hit.document_id,
        "document_name": hit.document,
        "spans": [asdict(span) for span in hit.spans],
        "score": round(hit.score, 6),
        "heading": hit.heading,
        "text": hit.text,
    }
