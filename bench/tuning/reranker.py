"""Tuning a cross-encoder on half of a set, measured on the documents of the other half.

    python -m bench.tuning.reranker DATA_FOLDER SET [--base bundled-en] [--questions 300]

The rows are those of `bench.tuning.retriever`, and so is the split. The trainer of
`kb tune reranker` itself asks up to 200 held-out questions: whether the closest of the passages
that rows hold answers, by the untuned encoder, and whether the one of its ten closest does that
the tuned cross-encoder puts first.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from bench.tuning.retriever import SETS, corpus_of, made, opened_embedder, train
from kb.models.embed.embedders import ENGLISH
from tune.retrieval.verdict import verdict


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Tuning a cross-encoder, on held-out documents.")
    parser.add_argument("data", type=Path, help="folder with the question sets")
    parser.add_argument("set", choices=SETS)
    parser.add_argument("--base", default=ENGLISH)
    parser.add_argument("--questions", type=int, default=300, help="most of one half")
    parser.add_argument("--statutes", type=int, default=12, help="files of laws_zh")
    parser.add_argument("--hyperparameters", type=json.loads, default={}, help="as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        corpus = corpus_of(root, arguments, arguments.set)
        plain = opened_embedder(arguments.base)
        job, vectors = root / "job", corpus.vectors(plain)
        count = made(job, arguments, corpus, plain, vectors, task="reranker")
        cpu_s, peak_gb = train(job)
        events = map(json.loads, (job / "events.jsonl").read_text("utf-8").splitlines())
        *_, result = (event["data"] for event in events if event["type"] == "result")
        print(f"{count} questions, {cpu_s / 60:.1f} CPU minutes, {peak_gb:.1f} GB.")
        print(verdict(result["metrics"]))


if __name__ == "__main__":
    main()
