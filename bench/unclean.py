"""Search right after `kill -9`: how soon it answers, and whether the answers are right.

    python -m bench.unclean [--chunks 100000] [--rounds 1] [--folder FOLDER] [--keep DIR]

The data folder is filled as `bench.search` does it (`--keep` shares its folders). Right is what a
search finds that compares every vector in SQL. For each mode and round a server is killed and
another one started on the same folder, and asked at once; the clock of the first answer runs from
the start of that process. Until its indexes are checked, nearest vectors are computed from SQL, and
words wait for the check of the keyword index. Few questions are asked, to be done before that:
without FOLDER the vectors are so far from the questions that the index itself finds four fifths.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import get_args

import httpx

from bench.measuring import kb_server, median, table, use_cores, verdict
from bench.search.filling import SCOPE, dataset_id_of, fill, questions_of
from kb.knowledge_base import KnowledgeBase
from kb.opening.opening import open_kb
from kb.protocols import IndexName
from kb.search.fallback import NearestTexts
from kb.search.searching import Searcher
from kb.settings import EmbeddingSettings, Settings
from kb.store.content import generations
from kb.types import Retrieval, SearchMode

GOAL_S = 10.0
GOAL_RIGHT = 0.98
MODES: tuple[SearchMode, ...] = get_args(SearchMode)

Answers = list[list[str]]
"""For each question the chunk ids that were found."""


@dataclass(frozen=True, slots=True)
class Asked:
    """After one kill; `first_s` counts from the start of the process."""

    first_s: float
    right: float
    ms: Sequence[float]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Search right after an unclean stop.")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--questions", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where the text is taken from")
    parser.add_argument("--model", default="bundled", help="`hash` fills the folder without one")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="reuse and keep the filled data folder here")
    arguments = parser.parse_args()
    use_cores(arguments.cores)
    with ExitStack() as stack:
        root = arguments.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        data = root / str(arguments.chunks)
        path, questions, right = _filled(data, arguments)
        found: dict[SearchMode, list[Asked]] = defaultdict(list)
        for mode in list(MODES) * arguments.rounds:
            asked = _after_a_kill(data, arguments.model, path, questions, mode)
            found[mode].append(Asked(asked[0], _shared(asked[1], right[mode]), asked[2]))
    _report(found, arguments.chunks)


def _filled(
    data: Path, arguments: argparse.Namespace
) -> tuple[str, list[str], dict[SearchMode, Answers]]:
    """The path to ask, questions, and the right answers to them."""
    kb = open_kb(Settings(data_dir=data, embedding=EmbeddingSettings(model=arguments.model)))
    try:
        fill(kb, arguments.chunks, arguments.folder)
        kb.repairing.settle()
        dataset_id = dataset_id_of(kb)
        questions = questions_of(kb, dataset_id, arguments.questions)
        right = {mode: [_exact(kb, dataset_id, q, mode) for q in questions] for mode in MODES}
        return f"/v1/datasets/{dataset_id}/search", questions, right
    finally:
        kb.close()


def _exact(kb: KnowledgeBase, dataset_id: str, question: str, mode: SearchMode) -> list[str]:
    keys = kb.database.reading(generations.index_keys)
    kb.index_health.leave_unchecked(IndexName("vector", key) for key in keys)
    searcher = Searcher(
        kb.database,
        kb.embedders,
        NearestTexts(kb.vectors, kb.database),
        kb.keywords,
        candidates=kb.settings.search.candidates,
        threads=1,
        max_waiting=0,
    )
    retrieval = Retrieval(mode=mode, merge_neighbours=False)
    hits = searcher.search(SCOPE, [dataset_id], question, retrieval).hits
    return [hit.chunk.id for hit in hits]


def _after_a_kill(
    data: Path, model: str, path: str, questions: Sequence[str], mode: SearchMode
) -> tuple[float, Answers, list[float]]:
    """Seconds from the start of the process to the first answer, all answers, and their ms."""
    with kb_server(data, KB_EMBEDDING__MODEL=model) as server, server.client() as http:
        _hits(http, path, questions[0], "hybrid")
        server.process.kill()
    began = time.perf_counter()
    with kb_server(data, KB_EMBEDDING__MODEL=model) as server, server.client() as http:
        answers: Answers = []
        ended = [time.perf_counter()]
        for question in questions:
            answers.append(_hits(http, path, question, mode))
            ended.append(time.perf_counter())
        server.process.kill()
    return ended[1] - began, answers, [(end - start) * 1000 for start, end in pairwise(ended)]


def _hits(http: httpx.Client, path: str, question: str, mode: SearchMode) -> list[str]:
    answer = http.post(path, json={"query": question, "mode": mode, "merge_neighbours": False})
    return [hit["chunk_id"] for hit in answer.raise_for_status().json()["hits"]]


def _shared(found: Answers, right: Answers) -> float:
    """Mean share of the right hits that are found."""
    pairs = [(set(a), set(b)) for a, b in zip(found, right, strict=True) if b]
    return sum(len(a & b) / len(b) for a, b in pairs) / len(pairs)


def _report(found: Mapping[SearchMode, Sequence[Asked]], chunks: int) -> None:
    rows = []
    for mode, asked in found.items():
        slowest, right = max(each.first_s for each in asked), min(each.right for each in asked)
        is_met = slowest <= GOAL_S and right >= GOAL_RIGHT
        times = [ms for each in asked for ms in each.ms]
        row = (mode, f"{slowest:.2f}", f"{right:.3f}", f"{median(times):.0f} / {max(times):.0f}")
        rows.append((*row, verdict(is_met)))
    columns = ("mode", "first answer s, slowest", "right hits found", "then ms, p50 / slowest", "")
    print(table(f"Search after kill -9, {chunks:,} chunks", columns, rows))
    print(f"\nGoal: right answers within {GOAL_S:g} s of the start.")


if __name__ == "__main__":
    main()
