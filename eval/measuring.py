"""From what came back for a question to its values, by the name of the metric.

A metric that a question says nothing about has no value there: recall needs `relevant`, answer
recall and F1 need `answers`. All values are between 0 and 1, and higher is better.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eval import tokens
from eval.judging import ranking
from eval.metrics.answer_recall import CONTEXT_TOKENS, answer_in, answer_recall
from eval.metrics.chunking import Extent, chunking_scores
from eval.metrics.citations import citation_scores
from eval.metrics.exact_match import exact_match
from eval.metrics.hit_rate import hit_at
from eval.metrics.ndcg import ndcg_at
from eval.metrics.recall import recall_at
from eval.metrics.reciprocal_rank import reciprocal_rank
from eval.metrics.token_f1 import token_f1
from eval.targets import Asked
from eval.types import Found, Question

DEFAULT_KS = (1, 3, 5, 10, 20)
NDCG_K = 10
CHUNKS_JUDGED = 5
"""Hits of which recall, precision and IoU of characters are taken, as in Chroma's evaluation."""

Values = dict[str, float]


@dataclass(frozen=True, slots=True)
class Result:
    """One question, what came back, and what it was worth. `rank` is the place of the first hit
    that holds something relevant, from 1; None if none does."""

    question: Question
    asked: Asked
    values: Mapping[str, float] = field(default_factory=dict)
    rank: int | None = None


def measured(question: Question, asked: Asked, ks: Sequence[int] = DEFAULT_KS) -> Result:
    """All values that can be taken of a question; a failed one counts 0 where others have a value.

    Args:
        ks: the k of recall@k and hit@k.
    """
    ranks = ranking(question, asked.hits)
    values: Values = {}
    if question.answerable and question.relevant:
        values |= _of_ranking(question, ranks, ks)
        values |= _of_characters(question, asked.hits)
    if question.answerable and question.answers:
        values |= _of_texts(question, asked.hits)
    if asked.answer is not None or asked.error:
        values |= _of_answer(question, asked)
    rank = next((place for place, hit in enumerate(ranks, start=1) if hit), None)
    return Result(question, asked, values, rank)


def _of_ranking(question: Question, ranks: Sequence[frozenset[int]], ks: Sequence[int]) -> Values:
    relevant = len(question.relevant)
    grades = [part.grade for part in question.relevant]
    return {
        **{f"recall@{k}": recall_at(ranks, relevant, k) for k in ks},
        **{f"hit@{k}": hit_at(ranks, k) for k in ks},
        "mrr": reciprocal_rank(ranks),
        f"ndcg@{NDCG_K}": ndcg_at(ranks, grades, NDCG_K),
    }


def _of_characters(question: Question, hits: Sequence[Found]) -> Values:
    wanted: list[Extent] = [
        (f"{part.document}\n{part.page}", part.start, part.end)
        for part in question.relevant
        if part.start is not None and part.end is not None
    ]
    if not wanted:
        return {}
    retrieved = [
        (f"{hit.document}\n{span.page}", span.start, span.end)
        for hit in hits[:CHUNKS_JUDGED]
        for span in hit.spans
    ]
    scores = chunking_scores(retrieved, wanted)
    return {
        f"characters recall@{CHUNKS_JUDGED}": scores.recall,
        f"characters precision@{CHUNKS_JUDGED}": scores.precision,
        f"characters iou@{CHUNKS_JUDGED}": scores.iou,
    }


def _of_texts(question: Question, hits: Sequence[Found]) -> Values:
    texts = [hit.text for hit in hits]
    in_context = answer_recall(texts, question.answers, offsets=tokens.offsets, need=question.need)
    return {
        "answer@1": answer_in(texts[:1], question.answers, need=question.need),
        f"answer in {CONTEXT_TOKENS} tokens": in_context,
    }


def _of_answer(question: Question, asked: Asked) -> Values:
    answer = asked.answer
    refused = answer is not None and answer.is_refusal
    said = "" if answer is None or refused else answer.text
    values: Values = {}
    if question.answerable and question.answers:
        values["exact match"] = exact_match(said, question.answers)
        values["f1"] = token_f1(said, question.answers)
        values["answer said"] = answer_in([said], question.answers, need=question.need)
    if question.relevant and not refused:
        cited = ranking(question, answer.citations if answer else ())
        scores = citation_scores(cited, len(question.relevant))
        values["citation precision"] = scores.precision
        values["citation recall"] = scores.recall
    values["answered" if question.answerable else "refused"] = float(
        not refused and not asked.error if question.answerable else refused
    )
    return values
