"""Tuning the embedder on half of a set, measured on the documents of the other half.

    python -m bench.tuning.retriever DATA_FOLDER --sets laws_zh cmrc2018 … [--tune laws_zh]

Each set is split by the product. Half of its documents are held out (of few long ones, half of the
runs of 12 chunks). The questions about the others are trained on, by the trainer of
`kb tune embedder` with its defaults, with what the untuned model finds as hard negatives. Questions
about documents of both halves, as cranfield has them, are halved themselves, and trained on with
what is not held out.

- **recall@1**: whether the passage nearest to a held-out question, of all passages of the set,
  answers it; the dense side alone, by the product's own engine, untuned and tuned; the difference
  with the 95 % interval of a paired bootstrap over questions;
- **others**: the same for the other sets, by the model that was tuned on this one;
- **verdict**: what the product says of these questions;
- processor time and peak memory are those of the trainer.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.measuring import ROOT, table
from bench.question_sets import load
from bench.question_sets.parts import part_of
from bench.retrieval.ours import SCOPE, ingested, opened
from eval.metrics.intervals import paired_bootstrap
from eval.types import QuestionSet
from kb.knowledge_base import KnowledgeBase
from kb.models.embed.embedders import BUNDLED, open_embedder
from kb.protocols import Embedder, Vectors
from kb.store.content import chunks, documents
from kb.store.engine.paging import MAX_LIMIT, Listing, PageRequest
from tune.retrieval.bases import base_folder, hyperparameters
from tune.retrieval.pairs import Asked, Passage, Passages, rows
from tune.retrieval.verdict import is_better
from tune.rows.canonical import write_rows
from tune.trainers.ranking import compared

WHOLE = 10**9
SETS = {
    "laws_zh": WHOLE,
    "docs_fastapi": 400_000,
    "chunking_evaluation": WHOLE,
    "kg_rag_sec10q": WHOLE,
    "sanguo": WHOLE,
    "cranfield": WHOLE,
    "multihop": WHOLE,
    "squad_dev": 200_000,
    "cmrc2018": 100_000,
    "jsquad": 100_000,
}
"""The most characters (of files: bytes) of a set's documents that are searched: minutes each."""
STATUTES, SETTLED = "laws_zh", 22
FILE_BYTES = range(5_000, 60_000)
HALF = 0.5
HITS = 10


@dataclass(frozen=True, slots=True)
class Corpus:
    """A set as it is searched, and its questions by half."""

    name: str
    passages: Passages
    train: list[Asked]
    test: list[Asked]

    def vectors(self, embedder: Embedder) -> Vectors:
        """Those of all passages."""
        texts = [fitting(embedder, each.text) for each in self.passages.of_id.values()]
        return embedder.embed_documents(texts)

    def nearest(self, embedder: Embedder, vectors: Vectors, question: str) -> list[str]:
        """The ids of the passages nearest to a question."""
        ids = list(self.passages.of_id)
        scores = (embedder.embed_query(question) @ vectors.T)[0]
        return [ids[place] for place in np.argsort(-scores)[:HITS]]

    def first_is_right(self, embedder: Embedder, vectors: Vectors) -> list[bool]:
        """Of each held-out question, whether the nearest passage answers it."""
        return [
            self.nearest(embedder, vectors, question.text)[0] in question.passages
            for question in self.test
        ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Tuning the embedder, on held-out documents.")
    parser.add_argument("data", type=Path, help="folder with the question sets")
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--tune", nargs="+", help="tune on these alone, and measure on all")
    parser.add_argument("--base", default=BUNDLED)
    parser.add_argument("--questions", type=int, default=600, help="most of one half")
    parser.add_argument("--statutes", type=int, default=12, help="files of laws_zh")
    parser.add_argument("--hyperparameters", type=json.loads, default={}, help="as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        found = [corpus_of(root, arguments, name) for name in arguments.sets]
        plain = opened_embedder(arguments.base)
        vectors = {each.name: each.vectors(plain) for each in found}
        before = {each.name: each.first_is_right(plain, vectors[each.name]) for each in found}
        lines = []
        for corpus in found:
            if corpus.name in (arguments.tune or arguments.sets):
                job = root / f"job {corpus.name}"
                count = made(job, arguments, corpus, plain, vectors[corpus.name])
                lines.append([corpus.name, str(count), *_tuned(job, corpus, found, before)])
                print(*lines[-1], flush=True)
    columns = ("set", "trained on", "asked", "recall@1", "difference", "won, lost", "verdict")
    columns += ("others", "CPU minutes", "peak GB")
    print(table("The dense side, tuned on one half and asked the other", columns, lines))


def _tuned(
    job: Path, corpus: Corpus, every: Sequence[Corpus], before: dict[str, list[bool]]
) -> list[str]:
    cpu_s, peak_gb = train(job)
    tuned = opened_embedder(str(job / "model"))
    after = {each.name: each.first_is_right(tuned, each.vectors(tuned)) for each in every}
    names = [corpus.name, *(name for name in after if name != corpus.name)]
    own, *others = (_moved(before[name], after[name]) for name in names)
    found = compared(before[corpus.name], after[corpus.name])
    return [
        str(found["questions"]),
        own,
        _interval(before[corpus.name], after[corpus.name]),
        f"{found['gained']}, {found['lost']}",
        "use it" if is_better(found) else "do not use it",
        ", ".join(f"{name} {moved}" for name, moved in zip(names[1:], others, strict=True)),
        f"{cpu_s / 60:.1f}",
        f"{peak_gb:.1f}",
    ]


def _moved(before: Sequence[bool], after: Sequence[bool]) -> str:
    return f"{np.mean(before):.3f} → {np.mean(after):.3f}"


def _interval(before: Sequence[bool], after: Sequence[bool]) -> str:
    found = paired_bootstrap([*map(float, before)], [*map(float, after)])
    return f"{found.mean:+.3f} ({found.low:+.3f} … {found.high:+.3f})"


def corpus_of(root: Path, arguments: argparse.Namespace, name: str) -> Corpus:
    """Splitting needs the embedder's own tokens but no vectors, which are made once, above."""
    source = arguments.data / name
    if name == STATUTES:  # its questions are drawn from all files: first the files, then those
        source = _few(source, root / "few" / name, arguments.statutes)
    whole = part_of(load(source), SETS[name])
    with opened(root / name, 1, arguments.base) as kb:
        width = kb.embedder.dimensions
        kb.embedder.embed_documents = lambda texts: np.ones((len(texts), width), np.float32)
        passages = _passages(kb, ingested(kb, whole))
    train, test = _halves(whole, passages, arguments.questions)
    return Corpus(name, passages, train, test)


def _few(source: Path, target: Path, count: int) -> Path:
    """A folder with some of the files, of those that are neither tiny nor huge, and of no law that
    the trainer's settings were chosen on."""
    sized = [path for path in sorted(source.rglob("*.md")) if path.stat().st_size in FILE_BYTES]
    settled = {_law(path) for path in random.Random(0).sample(sized, min(SETTLED, len(sized)))}
    fresh = [path for path in sized if _law(path) not in settled]
    for path in random.Random(1).sample(fresh, min(count, len(fresh))):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    return target


def _law(path: Path) -> str:
    """Its name, without the date of a version."""
    return path.name.partition("(")[0]


def _passages(kb: KnowledgeBase, dataset_id: str) -> Passages:
    found: dict[str, Passage] = {}
    with kb.database.read() as tx:
        for document in _every(partial(documents.page, tx, SCOPE, dataset_id)):
            for chunk in _every(partial(chunks.of_document, tx, SCOPE, document.id)):
                spans = tuple((span.page, span.start, span.end) for span in chunk.spans)
                own = (chunk.id, document.name, chunk.index, chunk.index_text, spans)
                found[chunk.id] = Passage(*own)
    return Passages(found)


def _every(page: Callable[[PageRequest], Listing[Any]]) -> Iterator[Any]:
    cursor = None
    while True:
        listing = page(PageRequest(MAX_LIMIT, cursor))
        yield from listing.data
        if (cursor := listing.next) is None:
            return


def _halves(whole: QuestionSet, passages: Passages, most: int) -> tuple[list[Asked], list[Asked]]:
    held_out = passages.held_out(HALF)
    train: list[Asked] = []
    test: list[Asked] = []
    for question in whole.questions:
        asked = passages.asked(question)
        if asked is None:
            continue
        groups = {passages.group(passages.of_id[each]) for each in asked.passages}
        is_even = zlib.crc32(asked.text.encode()) % 2 == 0
        is_held_out = groups <= held_out or (bool(groups & held_out) and is_even)
        (test if is_held_out else train).append(asked)
    return _spread(train, most), _spread(test, most)


def _spread(asked: list[Asked], most: int) -> list[Asked]:
    return sorted(asked, key=lambda each: zlib.crc32(each.text.encode()))[:most]


def made(
    folder: Path,
    arguments: argparse.Namespace,
    corpus: Corpus,
    plain: Embedder,
    vectors: Vectors,
    *,
    task: str = "embedder",
) -> int:
    """Write a job folder; returns the number of rows to train on. An embedder is asked here, a
    reranker by its trainer."""
    folder.mkdir()
    search = partial(corpus.nearest, plain, vectors)
    found = rows(corpus.train, corpus.passages, search, HALF)
    write_rows(found, folder / "train.jsonl")
    if task == "reranker":
        write_rows(rows(corpus.test, corpus.passages, search, HALF), folder / "valid.jsonl")
    spec = {
        "task": task,
        "valid": "valid.jsonl" if task == "reranker" else None,
        "base": str(base_folder(arguments.base, folder.parent / "bases")),
        "train": "train.jsonl",
        "out": "model",
        "checkpoints": "checkpoints",
        "events": "events.jsonl",
        "hyperparameters": hyperparameters(len(found)) | arguments.hyperparameters,
        "seed": 1,
    }
    (folder / "spec.json").write_text(json.dumps(spec))
    return len(found)


def train(folder: Path) -> tuple[float, float]:
    """Processor seconds and peak memory (GB) of the trainer."""
    command = [sys.executable, "-m", "tune.trainers", str(folder)]
    child = os.posix_spawn(sys.executable, command, os.environ | {"PYTHONPATH": str(ROOT)})
    _, status, used = os.wait4(child, 0)
    if status:
        raise SystemExit((folder / "events.jsonl").read_text().splitlines()[-1])
    return used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9


def fitting(embedder: Embedder, text: str) -> str:
    """As much of a text as an embedder reads."""
    ends = embedder.tokenizer.offsets(text)[: embedder.max_tokens]
    return text[: ends[-1][1]] if ends else text


def opened_embedder(name: str) -> Embedder:
    """The one of that name, with one thread."""
    return open_embedder(name, cache_dir=Path(), threads=1, batch_size=16)


if __name__ == "__main__":
    main()
