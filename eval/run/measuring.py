"""From what came back for a question to its values, by the name of the metric.

A hit holds a part of a document if the two share at least half of the shorter one: an answer of
three words must stand in the hit for the most part, and of a long passage a chunk may be one half.
A hit holds a relevant document if it comes from it.

A metric that a question says nothing about has no value there: recall needs `relevant`, answer
recall and F1 need `answers`. All values are between 0 and 1, and higher is better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from eval.metrics import tokens
from eval.metrics.answers import CONTEXT_TOKENS, answer_in, answer_recall, exact_match, token_f1
from eval.metrics.precision_recall import DocumentSpan, chunking_scores, citation_scores
from eval.metrics.ranking import hit_at, ndcg_at, recall_at, reciprocal_rank
from eval.types import FoundPassage, Question, Relevant, TargetResponse
from kb.types import Span

DEFAULT_KS = (1, 3, 5, 10, 20)
NDCG_K = 10
SHARED = 0.5
"""Of the shorter one of hit and relevant part, so that a hit holds the part."""
CHUNKS_JUDGED = 5
"""Hits of which recall, precision and IoU of characters are taken, as in Chroma's evaluation."""

IN_CONTEXT = f"answer in {CONTEXT_TOKENS} tokens"
FOUND_WITHIN = 5
"""Hits among which the right passage counts as found, where one word is to say it."""

Values = dict[str, float]


@dataclass(frozen=True, slots=True)
class Result:
    """One question, what came back, and what it was worth. `rank` is the place of the first hit
    that holds something relevant, from 1; None if none does."""

    question: Question
    response: TargetResponse
    values: Mapping[str, float] = field(default_factory=dict)
    rank: int | None = None


def measured(
    question: Question, response: TargetResponse, ks: Sequence[int] = DEFAULT_KS
) -> Result:
    """All values that can be taken of a question; a failed one counts 0 where others have a value.

    Args:
        ks: the k of recall@k and hit@k.
    """
    ranks = ranking(question, response.hits)
    values: Values = {}
    if question.answerable and question.relevant:
        values |= _of_ranking(question, ranks, ks)
        values |= _of_characters(question, response.hits)
    if question.answerable and question.answers:
        values |= _of_texts(question, response.hits)
    if response.answer is not None or response.error:
        values |= _of_answer(question, response)
    rank = next((place for place, hit in enumerate(ranks, start=1) if hit), None)
    return Result(question, response, values, rank)


def is_right(result: Result) -> bool | None:
    """Whether a question went as it should, in one word; None where nothing says how it should.

    A search is right if one of the first hits holds what was asked for. An answer is right if it
    says a known answer or cites a relevant part, or, where neither is known, if it is no
    refusal; a question without an answer if it was refused.
    """
    values, answer = result.values, result.response.answer
    if result.response.error:
        return False
    if not result.question.answerable:
        return bool(values["refused"]) if answer is not None else None
    if answer is None:
        names = [name for name in (f"hit@{FOUND_WITHIN}", IN_CONTEXT) if name in values]
        return bool(values[names[0]]) if names else None
    if answer.is_refusal:
        return False
    known = [values[name] for name in ("answer said", "citation recall") if name in values]
    return any(known) or not known


def ranking(question: Question, hits: Sequence[FoundPassage]) -> list[frozenset[int]]:
    """For each hit, best first, the numbers of the question's relevant parts that it holds.

    Args:
        question: with `relevant` parts; their place in it is their number.
        hits: what was found. One without spans holds whole documents only.
    """
    return [
        frozenset(number for number, part in enumerate(question.relevant) if _holds(hit, part))
        for hit in hits
    ]


def _holds(hit: FoundPassage, part: Relevant) -> bool:
    if hit.document != part.document:
        return False
    if part.start is None:
        return True
    return _shares(hit.spans, part.page, part.start, math.inf if part.end is None else part.end)


def _shares(spans: Sequence[Span], page: int, start: int, end: float) -> bool:
    common = sum(
        max(0, min(span.end, end) - max(span.start, start)) for span in spans if span.page == page
    )
    length = min(end - start, sum(span.end - span.start for span in spans))
    return common > 0 and common >= SHARED * length


def _of_ranking(question: Question, ranks: Sequence[frozenset[int]], ks: Sequence[int]) -> Values:
    relevant = len(question.relevant)
    grades = [part.grade for part in question.relevant]
    return {
        **{f"recall@{k}": recall_at(ranks, relevant, k) for k in ks},
        **{f"hit@{k}": hit_at(ranks, k) for k in ks},
        "mrr": reciprocal_rank(ranks),
        f"ndcg@{NDCG_K}": ndcg_at(ranks, grades, NDCG_K),
    }


def _of_characters(question: Question, hits: Sequence[FoundPassage]) -> Values:
    wanted: list[DocumentSpan] = [
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


def _of_texts(question: Question, hits: Sequence[FoundPassage]) -> Values:
    texts = [hit.text for hit in hits]
    in_context = answer_recall(texts, question.answers, offsets=tokens.offsets, need=question.need)
    return {
        "answer@1": answer_in(texts[:1], question.answers, need=question.need),
        IN_CONTEXT: in_context,
    }


def _of_answer(question: Question, response: TargetResponse) -> Values:
    answer = response.answer
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
        not refused and not response.error if question.answerable else refused
    )
    return values
