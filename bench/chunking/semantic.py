"""Splitters of the Chroma chunking evaluation that cut where the meaning changes, as an embedder
sees it.

Both begin with small pieces. Kamradt's looks at each piece with its neighbours and cuts where two
that follow each other are least alike; the cluster splitter finds the cuts that keep most of the
likeness within chunks, by dynamic programming. Written from the report's words.

Source: Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval", Chroma, 2024.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from kb.protocols import Vectors

PIECE = 50
"""Tokens of a piece (cl100k)."""
PERCENTILE = 95
"""Kamradt's own rule: cut at the five in a hundred greatest distances."""
NEIGHBOURS, MODIFIED_NEIGHBOURS = 1, 3
"""Pieces on either side that a piece is embedded with."""

Extent = tuple[int, int]
Cut = Callable[[str], list[Extent]]
Embed = Callable[[Sequence[str]], Vectors]
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+")


def kamradt(embed: Embed) -> Cut:
    """Sentences, cut at the greatest twentieth of the distances between neighbours."""

    def cut(text: str) -> list[Extent]:
        pieces = _sentences(text)
        distances = _distances(text, pieces, embed, NEIGHBOURS)
        if not len(distances):
            return pieces
        return _joined(pieces, np.flatnonzero(distances > np.percentile(distances, PERCENTILE)))

    return cut


def kamradt_modified(pieces_of: Cut, embed: Embed, size: int) -> Cut:
    """Pieces, cut at the greatest distances, so often that chunks have `size` tokens on average."""

    def cut(text: str) -> list[Extent]:
        pieces = pieces_of(text)
        distances = _distances(text, pieces, embed, MODIFIED_NEIGHBOURS)
        cuts = len(pieces) * PIECE // size
        return _joined(pieces, np.sort(np.argsort(-distances, kind="stable")[:cuts]))

    return cut


def clustered(pieces_of: Cut, embed: Embed, size: int) -> Cut:
    """Pieces, cut so that the likeness of all pairs within chunks of at most `size` is greatest."""

    def cut(text: str) -> list[Extent]:
        pieces = pieces_of(text)
        vectors = embed([text[start:end] for start, end in pieces])
        return _joined(pieces, _best_cuts(vectors, size // PIECE))

    return cut


def _sentences(text: str) -> list[Extent]:
    ends = [found.end() for found in _SENTENCE_END.finditer(text)]
    starts = [0, *ends]
    pairs = zip(starts, [*ends, len(text)], strict=True)
    return [(start, end) for start, end in pairs if start < end]


def _distances(
    text: str, pieces: Sequence[Extent], embed: Embed, neighbours: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """1 − cosine of each piece and the next, shape (pieces − 1,)."""
    last = len(pieces) - 1
    spread = [
        text[pieces[max(0, i - neighbours)][0] : pieces[min(last, i + neighbours)][1]]
        for i in range(len(pieces))
    ]
    vectors = embed(spread)
    return 1.0 - np.einsum("ij,ij->i", vectors[:-1], vectors[1:]).astype(np.float64)


def _best_cuts(vectors: Vectors, most: int) -> list[int]:
    """The pieces after which to cut.

    The likeness of a pair counts less the mean of all pairs, so a stranger makes a chunk worse.
    """
    count = len(vectors)
    likeness = (vectors @ vectors.T).astype(np.float64)
    likeness -= likeness[~np.eye(count, dtype=bool)].mean() if count > 1 else 0.0
    np.fill_diagonal(likeness, 0.0)
    best, begins = np.zeros(count + 1), np.zeros(count + 1, dtype=int)
    for end in range(1, count + 1):
        starts = range(max(0, end - most), end)
        values = [best[start] + likeness[start:end, start:end].sum() for start in starts]
        best[end], begins[end] = max(values), starts[int(np.argmax(values))]
    cuts, end = [], count
    while begins[end] > 0:
        end = int(begins[end])
        cuts.append(end - 1)
    return cuts[::-1]


def _joined(pieces: Sequence[Extent], cuts: Sequence[int]) -> list[Extent]:
    """Pieces put together, with an end after each piece in `cuts`."""
    ends = [*(int(cut) for cut in cuts), len(pieces) - 1]
    starts = [0, *(end + 1 for end in ends[:-1])]
    return [
        (pieces[start][0], pieces[end][1])
        for start, end in zip(starts, ends, strict=True)
        if start <= end
    ]
