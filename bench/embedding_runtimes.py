"""Embedding runtimes side by side: sentence-transformers as everybody starts, and ours.

    python -m bench.embedding_runtimes FOLDER [--chunks 500] [--model bundled]

FOLDER holds text files (.md, .txt). They are cut into pieces of 100 tokens to what the model reads.
Prints chunks per second as ratios to the baseline, the milliseconds of one question, and how far
the vectors agree with fp32: mean cosine, and the share of each piece's ten nearest that is kept.
Every batch size is measured on an instance of its own, in rounds, because machines are shared.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kb.models.embed.embedders import english_folder, open_embedder
from kb.protocols import Embedder

Matrix = npt.NDArray[np.float32]
Runtime = Callable[[Sequence[str]], Matrix]
BASELINE = "sentence-transformers fp32, batch 32"
BATCHES = (8, 16, 32)
ROUNDS = 2
QUESTIONS = 30
QUESTION = "How long is the notice period of the contract?"


def pieces(folder: Path, embedder: Embedder, count: int) -> list[str]:
    """Up to `count` pieces of random lengths from random places, always the same ones."""
    choose = random.Random(0)
    found: list[str] = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix in {".md", ".txt"}):
        text = path.read_text(encoding="utf-8", errors="replace")
        offsets = embedder.tokenizer.offsets(text)
        first = 0
        while (last := first + choose.randint(100, embedder.max_tokens)) <= len(offsets):
            found.append(text[offsets[first][0] : offsets[last - 1][1]])
            first = last
    choose.shuffle(found)
    fitting = (t for t in found if len(embedder.tokenizer.offsets(t)) <= embedder.max_tokens)
    return [text for text, _ in zip(fitting, range(count), strict=False)]


def seconds(run: Runtime, texts: Sequence[str]) -> float:
    """Wall seconds of one call."""
    start = time.perf_counter()
    run(texts)
    return time.perf_counter() - start


def overlap(one: Matrix, other: Matrix, k: int = 10) -> float:
    """Mean share of the k nearest neighbours (itself left out) that two sets of vectors share."""
    near_one = np.argsort(-(one @ one.T), axis=1)[:, 1 : k + 1]
    near_other = np.argsort(-(other @ other.T), axis=1)[:, 1 : k + 1]
    shared = [len(set(a) & set(b)) for a, b in zip(near_one, near_other, strict=True)]
    return float(np.mean(shared)) / k


def baseline(folder: Path) -> Runtime:
    """sentence-transformers with its defaults."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    return lambda texts: model.encode(
        list(texts), batch_size=32, normalize_embeddings=True, show_progress_bar=False
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Embedding runtimes side by side.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chunks", type=int, default=500)
    parser.add_argument("--model", default="bundled", help="`bundled` or a model folder")
    arguments = parser.parse_args()
    model = english_folder() if arguments.model == "bundled" else Path(arguments.model)
    ours = {
        f"ours, batch {size}": open_embedder(
            arguments.model, cache_dir=Path("."), threads=0, batch_size=size
        )
        for size in BATCHES
    }
    texts = pieces(arguments.folder, next(iter(ours.values())), arguments.chunks)
    runtimes: dict[str, Runtime] = {BASELINE: baseline(model)}
    runtimes |= {name: embedder.embed_documents for name, embedder in ours.items()}
    print(f"{len(texts)} pieces, {ROUNDS} rounds, best of each")
    report(runtimes, texts)


def report(runtimes: dict[str, Runtime], texts: Sequence[str]) -> None:
    """Print one line per runtime."""
    vectors = {name: run(texts) for name, run in runtimes.items()}
    best = dict.fromkeys(runtimes, float("inf"))
    for _ in range(ROUNDS):
        for name, run in runtimes.items():
            best[name] = min(best[name], seconds(run, texts))
    print(
        f"{'runtime':38} {'chunks/s':>8} {'ratio':>6} {'query ms':>8} {'cosine':>8} {'top-10':>7}"
    )
    for name, run in runtimes.items():
        one = sorted(seconds(run, [QUESTION]) for _ in range(QUESTIONS))[QUESTIONS // 2]
        cosine = float((vectors[name] * vectors[BASELINE]).sum(axis=1).mean())
        print(
            f"{name:38} {len(texts) / best[name]:8.1f} {best[BASELINE] / best[name]:6.2f} "
            f"{1000 * one:8.2f} {cosine:8.5f} "
            f"{overlap(vectors[BASELINE], vectors[name]):7.4f}"
        )


if __name__ == "__main__":
    main()
