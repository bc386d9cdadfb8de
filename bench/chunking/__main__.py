"""Chunks against the published splitters, on the Chroma chunking evaluation.

    python -m bench.chunking DATA_FOLDER/chunking_evaluation [--keep DIR]

The splitters are those of the report that any program can run: windows of tokens and recursive
splitting at paragraphs, lines, sentences and words, of 800, 400 and 200 tokens (cl100k), with and
without an overlap of half, and those that cut by an embedder, with ours: Kamradt's, and Chroma's
changed one (300 tokens on average) and clusters (at most 400 and 200). Its splitter by a language
model is left out. As published, the five chunks nearest to the question are retrieved,
here with our embedder. Ours is the product's own ingest and search, cut at the number of tokens
that the splitter retrieved for the same question: never more. Recall, precision and IoU are those
of the report, over characters.

Source: Smith and Troynikov, "Evaluating Chunking Strategies for Retrieval", Chroma, 2024.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.chunking.semantic import (
    PIECE,
    Cut,
    Embed,
    Extent,
    clustered,
    kamradt,
    kamradt_modified,
)
from bench.measuring import table, use_cores, verdict
from bench.question_sets import load
from bench.retrieval.baselines import vectors_of
from bench.retrieval.ours import ask, ingested, opened, texts
from eval.metrics import tokens
from eval.metrics.precision_recall import ChunkingScores, chunking_scores
from eval.types import FoundPassage, Question
from kb.knowledge_base import KnowledgeBase
from kb.protocols import Vectors
from kb.types import Retrieval, Span

RETRIEVED = 5
SIZES = ((800, 400), (400, 200), (400, 0), (200, 0))
SEPARATORS = ("\n\n", "\n", ".", "?", "!", " ", "")
TOP_K = 40


@dataclass(frozen=True, slots=True)
class Measured:
    """Means over questions; `size` is the retrieved tokens."""

    recall: float
    precision: float
    iou: float
    size: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Chunks against published splitters.")
    parser.add_argument("data", type=Path, help="the folder chunking_evaluation")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="reuse and keep data folders and vectors here")
    arguments = parser.parse_args()
    use_cores(arguments.cores)
    questions = load(arguments.data)
    rows = []
    with ExitStack() as stack:
        root = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kb = stack.enter_context(opened(root / questions.name, arguments.cores))
        dataset_id = ingested(kb, questions)
        documents = texts(kb, dataset_id)
        retrieval = Retrieval(top_k=TOP_K, merge_neighbours=False)
        own = {
            question.id: ask(kb, dataset_id, question.text, retrieval)
            for question in questions.questions
        }

        def embed(parts: Sequence[str]) -> Vectors:
            return vectors_of(parts, kb.embedder, root / "vectors" / "pieces")

        for name, cut in {**splitters(), **semantic_splitters(embed)}.items():
            found = _nearest(kb, documents, cut, questions.questions, root / "vectors" / name)
            rows.append(_compared(name, documents, questions.questions, found, own))
            print(f"{name} measured", flush=True)
    columns = (
        "splitter",
        "tokens",
        "its recall",
        "ours",
        "its IoU",
        "ours",
        "its precision",
        "ours",
    )
    print(table("Chroma chunking evaluation", (*columns, "recall and IoU above"), rows))


def splitters() -> dict[str, Cut]:
    """Name → where it cuts a text."""
    found: dict[str, Cut] = {}
    for size, overlap in SIZES:
        found[f"tokens {size}, overlap {overlap}"] = _windows(size, overlap)
        found[f"recursive {size}, overlap {overlap}"] = _recursive(size, overlap)
    return found


def semantic_splitters(embed: Embed) -> dict[str, Cut]:
    """The same, of those that an embedder guides."""
    pieces_of = _recursive(PIECE, 0)
    return {
        "Kamradt": kamradt(embed),
        "Kamradt, changed, 300": kamradt_modified(pieces_of, embed, 300),
        "clusters 400": clustered(pieces_of, embed, 400),
        "clusters 200": clustered(pieces_of, embed, 200),
    }


def _windows(size: int, overlap: int) -> Cut:
    def cut(text: str) -> list[Extent]:
        offsets = _offsets(text)
        starts = range(0, max(1, len(offsets) - overlap), size - overlap)
        parts = (offsets[start : start + size] for start in starts)
        return [(part[0][0], part[-1][1]) for part in parts if part]

    return cut


def _recursive(size: int, overlap: int) -> Cut:
    def cut(text: str) -> list[Extent]:
        length = _measure(text)
        pieces = list(_pieces(text, 0, len(text), SEPARATORS, size, length))
        return list(_packed(pieces, size, overlap, length))

    return cut


Length = Callable[[int, int], int]


def _pieces(
    text: str, start: int, end: int, separators: Sequence[str], size: int, length: Length
) -> Iterator[Extent]:
    """The text cut at the first separator, and what is still too long at the next."""
    separator, *finer = separators
    step = len(separator) or 1
    position = start
    while position < end:
        at = text.find(separator, position, end) if separator else position
        stop = end if at < 0 else at + step
        if length(position, stop) > size and finer:
            yield from _pieces(text, position, stop, finer, size, length)
        else:
            yield position, stop
        position = stop


def _packed(pieces: Sequence[Extent], size: int, overlap: int, length: Length) -> Iterator[Extent]:
    group: list[Extent] = []
    for piece in pieces:
        if group and length(group[0][0], piece[1]) > size:
            yield group[0][0], group[-1][1]
            while group and (
                length(group[0][0], group[-1][1]) > overlap or length(group[0][0], piece[1]) > size
            ):
                group.pop(0)
        group.append(piece)
    if group:
        yield group[0][0], group[-1][1]


def _offsets(text: str) -> list[Extent]:
    import tiktoken
    from llama_index.core.utils import get_tokenizer

    get_tokenizer()  # brings the encoding's file along; tiktoken would fetch it
    encoding = tiktoken.get_encoding("cl100k_base")
    _, starts = encoding.decode_with_offsets(encoding.encode(text, disallowed_special=()))
    return list(zip(starts, [*starts[1:], len(text)], strict=True))


def _measure(text: str) -> Length:
    ends = np.asarray([end for _, end in _offsets(text)])

    def length(start: int, end: int) -> int:
        return int(np.searchsorted(ends, end) - np.searchsorted(ends, start))

    return length


def _nearest(
    kb: KnowledgeBase,
    documents: Mapping[str, str],
    cut: Cut,
    questions: Sequence[Question],
    cache: Path,
) -> dict[str, list[FoundPassage]]:
    """Question id → the five nearest chunks of a splitter."""
    chunks = [
        FoundPassage(name, text[start:end], (Span(1, start, end),))
        for name, text in sorted(documents.items())
        for start, end in cut(text)
    ]
    vectors = vectors_of([chunk.text for chunk in chunks], kb.embedder, cache)
    found = {}
    for question in questions:
        scores = vectors @ kb.embedder.embed_query(question.text)[0]
        found[question.id] = [chunks[i] for i in np.argsort(-scores, kind="stable")[:RETRIEVED]]
    return found


def _compared(
    name: str,
    documents: Mapping[str, str],
    questions: Sequence[Question],
    theirs: Mapping[str, Sequence[FoundPassage]],
    ours: Mapping[str, Sequence[FoundPassage]],
) -> tuple[object, ...]:
    sizes = {q.id: sum(len(tokens.offsets(hit.text)) for hit in theirs[q.id]) for q in questions}
    own = {q.id: list(_within(ours[q.id], sizes[q.id])) for q in questions}
    other, mine = _measured(questions, theirs), _measured(questions, own)
    is_above = mine.recall > other.recall and mine.iou > other.iou
    pairs = ((other.recall, mine.recall), (other.iou, mine.iou), (other.precision, mine.precision))
    cells = [f"{value:.3f}" for pair in pairs for value in pair]
    return name, f"{other.size:.0f} / {mine.size:.0f}", *cells, verdict(is_above)


def _within(hits: Sequence[FoundPassage], budget: int) -> Iterator[FoundPassage]:
    for hit in hits:
        offsets = tokens.offsets(hit.text)
        if budget <= 0:
            return
        if len(offsets) > budget:
            end = offsets[budget - 1][1]
            first = hit.spans[0]
            yield FoundPassage(
                hit.document, hit.text[:end], (Span(1, first.start, first.start + end),)
            )
            return
        yield hit
        budget -= len(offsets)


def _measured(
    questions: Sequence[Question], found: Mapping[str, Sequence[FoundPassage]]
) -> Measured:
    scores: list[ChunkingScores] = []
    sizes = []
    for question in questions:
        hits = found[question.id]
        retrieved = [(hit.document, span.start, span.end) for hit in hits for span in hit.spans]
        wanted = [(p.document, p.start or 0, p.end or 0) for p in question.relevant]
        scores.append(chunking_scores(retrieved, wanted))
        sizes.append(sum(len(tokens.offsets(hit.text)) for hit in hits))
    count = len(questions)
    return Measured(
        sum(score.recall for score in scores) / count,
        sum(score.precision for score in scores) / count,
        sum(score.iou for score in scores) / count,
        sum(sizes) / count,
    )


if __name__ == "__main__":
    main()
