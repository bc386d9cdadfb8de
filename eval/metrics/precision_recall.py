"""Precision and recall beyond the ranking: of characters, of citations and of refusals."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

DocumentSpan = tuple[str, int, int]
"""A document and the first and last character (exclusive) of a passage in it."""


@dataclass(frozen=True, slots=True)
class ChunkingScores:
    """Shares from 0 to 1."""

    recall: float
    precision: float
    iou: float


def chunking_scores(
    retrieved: Sequence[DocumentSpan], references: Sequence[DocumentSpan]
) -> ChunkingScores:
    """How well the retrieved passages fit the excerpts that answer a question.

    With r the retrieved characters (those of overlapping chunks counted each time, for each is
    paid for), e those of the excerpts and c those of the excerpts that were retrieved at all:
    recall = c / e, precision = c / r, IoU = c / (r + characters of the excerpts not retrieved).

    Source:
        Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval", Chroma 2024, as its
        published code counts (characters rather than tokens, overlaps counted repeatedly).
    """
    wanted = [extent for extent in references if extent[2] > extent[1]]
    covered = _length(_merged(_intersections(retrieved, wanted)))
    in_references = sum(end - start for _, start, end in wanted)
    in_retrieved = sum(end - start for _, start, end in retrieved)
    missed = _length(_merged(wanted)) - covered
    return ChunkingScores(
        recall=covered / in_references if in_references else 0.0,
        precision=covered / in_retrieved if in_retrieved else 0.0,
        iou=covered / (in_retrieved + missed) if in_retrieved + missed else 0.0,
    )


def _intersections(
    one: Sequence[DocumentSpan], other: Sequence[DocumentSpan]
) -> list[DocumentSpan]:
    return [
        (document, max(start, first), min(end, last))
        for document, start, end in one
        for name, first, last in other
        if name == document and max(start, first) < min(end, last)
    ]


def _merged(extents: Sequence[DocumentSpan]) -> list[DocumentSpan]:
    merged: list[DocumentSpan] = []
    for document, start, end in sorted(extents):
        if merged and merged[-1][0] == document and start <= merged[-1][2]:
            merged[-1] = (document, merged[-1][1], max(end, merged[-1][2]))
        else:
            merged.append((document, start, end))
    return merged


def _length(extents: Sequence[DocumentSpan]) -> int:
    return sum(end - start for _, start, end in extents)


@dataclass(frozen=True, slots=True)
class CitationScores:
    """Shares from 0 to 1. Nothing cited and nothing to cite is right: both are 1 then."""

    precision: float
    recall: float


def citation_scores(cited: Sequence[Collection[int]], relevant: int) -> CitationScores:
    """Precision: citations that rest on a relevant part; recall: relevant parts that are cited.

    Args:
        cited: for each citation of an answer, the relevant parts that its quote stands in.
        relevant: how many relevant parts there are; 0 if the documents do not answer.

    Source:
        Citation precision and recall as in Gao et al., "Enabling Large Language Models to Generate
        Text with Citations" (ALCE), EMNLP 2023, judged by known passages instead of a model.
    """
    if not cited:
        return CitationScores(precision=float(relevant == 0), recall=float(relevant == 0))
    good = sum(1 for parts in cited if parts)
    found = {part for parts in cited for part in parts}
    recall = len(found) / relevant if relevant else 1.0
    return CitationScores(precision=good / len(cited), recall=recall)


def refusal_precision(answerable: Sequence[bool]) -> float | None:
    """The share of refusals that were right; None if nothing was refused.

    Their recall is the mean of the metric `refused`, its counterpart that of `answered`.

    Args:
        answerable: for each question that was refused, whether the documents answer it.

    Source:
        Precision of the class "no answer"; the questions are those of SQuAD 2.0 (Rajpurkar et al.,
        ACL 2018) and of negative rejection in RGB (Chen et al., AAAI 2024).
    """
    return answerable.count(False) / len(answerable) if answerable else None
