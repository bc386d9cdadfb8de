"""Ingest of a folder: ours against the naive LlamaIndex pipeline, and against embedding alone.

    python -m bench.ingest FOLDER [--rounds 2] [--cores 2] [--default-overlap]

Three roles take turns, each in a fresh process on the same two cores, after its model is loaded:

ours       files are staged, accepted, read in a child process, cleaned, split, embedded, stored in
           SQL and both indexes; the clock stops when every document answers searches.
embedding  one `embed_documents` call on exactly the chunks that `ours` made, and nothing else.
naive      `IngestionPipeline` of `SentenceSplitter(chunk_size=256, chunk_overlap=20)` and
           `HuggingFaceEmbedding` (same model, its defaults), into a persistent `ChromaVectorStore`.

What counts is source characters per second with nothing truncated. The naive splitter counts other
tokens than the model, which silently cuts what is over 256: characters that were cut are not
counted, nor is an overlap counted twice. Documents go in without metadata, which would be embedded
too and make the naive side slower. SentenceSplitter's own default overlap is 200 of 256 tokens;
`--default-overlap` runs that as well. Needs requirements-bench.txt.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench.ingest.naive import naive
from bench.measuring import (
    Clock,
    in_fresh_process,
    median,
    memory_mib,
    table,
    text_files,
    use_cores,
    verdict,
)

OVERLAP = 20
DEFAULT_OVERLAP = 200
GOAL_RATIO = 3.3
GOAL_SHARE = 0.85
POLL_S = 0.05
COLUMNS = ("side", "characters/s", "ours is", "CPU s", "chunks", "too long", "cut", "peak MiB")


def main() -> None:
    """Measure and print, or play one role in a process of its own."""
    parser = argparse.ArgumentParser(description="Ingest against the naive pipeline.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--default-overlap", action="store_true", help="also with overlap 200")
    parser.add_argument("--role", choices=("ours", "embedding", "naive"), help=argparse.SUPPRESS)
    parser.add_argument("--overlap", type=int, default=OVERLAP, help=argparse.SUPPRESS)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    use_cores(arguments.cores)
    match arguments.role:
        case "ours":
            result = ours(arguments.folder, arguments.work, arguments.cores)
        case "embedding":
            result = embedding(arguments.work, arguments.cores)
        case "naive":
            result = _result(*naive(arguments.folder, arguments.cores, arguments.overlap))
        case _:
            compare(arguments)
            return
    print(json.dumps(result))


def compare(arguments: argparse.Namespace) -> None:
    """Let the roles take turns and print what came out."""
    overlaps = [OVERLAP, *([DEFAULT_OVERLAP] if arguments.default_overlap else [])]
    runs: dict[str, list[dict[str, Any]]] = {}
    for number in range(arguments.rounds):
        for name, result in _round(arguments, overlaps):
            runs.setdefault(name, []).append(result)
            print(f"round {number + 1}, {name}: {result['seconds']:.1f} s", flush=True)
    rows = [_row(name, runs) for name in runs]
    print(table(f"Ingest, medians of {arguments.rounds}", COLUMNS, rows))
    goals = [
        _goal("ours / naive", runs, _naive(OVERLAP), GOAL_RATIO),
        _goal("ours / embedding alone", runs, "embedding", GOAL_SHARE),
    ]
    columns = ("what", "by the clock", "by processor time", "goal", "")
    print(table("Goals, medians of the ratios of neighbouring runs", columns, goals))


def _goal(
    name: str, runs: dict[str, list[dict[str, Any]]], other: str, goal: float
) -> tuple[object, ...]:
    by_clock, by_cpu = (_ratio(runs, other, field) for field in ("speed", "thrift"))
    return name, f"{by_clock:.2f}", f"{by_cpu:.2f}", f">= {goal}", verdict(by_clock >= goal)


def _ratio(runs: dict[str, list[dict[str, Any]]], other: str, field: str) -> float:
    pairs = zip(runs["ours"], runs[other], strict=True)
    return median([mine[field] / theirs[field] for mine, theirs in pairs])


def _round(
    arguments: argparse.Namespace, overlaps: Sequence[int]
) -> Iterator[tuple[str, dict[str, Any]]]:
    common = [str(arguments.folder), "--cores", str(arguments.cores)]
    with tempfile.TemporaryDirectory() as work:
        yield "ours", in_fresh_process("bench.ingest", *common, "--role", "ours", "--work", work)
        alone = in_fresh_process("bench.ingest", *common, "--role", "embedding", "--work", work)
        yield "embedding", alone
    for overlap in overlaps:
        role = ("--role", "naive", "--overlap", str(overlap))
        yield _naive(overlap), in_fresh_process("bench.ingest", *common, *role)


def _naive(overlap: int) -> str:
    return f"naive, overlap {overlap}"


def _row(name: str, runs: dict[str, list[dict[str, Any]]]) -> tuple[object, ...]:
    first = runs[name][0]
    return (
        name,
        f"{median([result['speed'] for result in runs[name]]):,.0f}",
        f"{_ratio(runs, name, 'speed'):.2f} x",
        f"{median([result['cpu_s'] for result in runs[name]]):.1f}",
        first["chunks"],
        f"{first['cut_chunks'] / first['chunks']:.0%}",
        f"{first['cut_tokens'] / first['tokens']:.0%}",
        f"{max(result['peak_mib'] for result in runs[name]):.0f}",
    )


def _result(
    clock: Clock, characters: int, chunks: int, cut: tuple[int, int, int] = (0, 0, 1)
) -> dict[str, Any]:
    """`characters`: those of the source that are in a vector; `cut`: chunks, tokens, of tokens."""
    return {
        "seconds": clock.seconds,
        "cpu_s": clock.cpu_s(),
        "speed": characters / clock.seconds,
        "thrift": characters / clock.cpu_s(),
        "chunks": chunks,
        "cut_chunks": cut[0],
        "cut_tokens": cut[1],
        "tokens": cut[2],
        "peak_mib": memory_mib("self", "VmHWM"),
    }


def ours(folder: Path, work: Path, cores: int) -> dict[str, Any]:
    """Ingest as the server does, into a new data folder under `work`."""
    from client.http import UPLOAD_FILES
    from ingest.intake.upload import UploadedFile, accept
    from ingest.work.worker import Worker
    from kb.iteration import batched
    from kb.opening.opening import open_kb
    from kb.settings import EmbeddingSettings, Settings
    from kb.store.content import chunks, documents
    from kb.types import Scope

    scope = Scope.admin()
    kb = open_kb(Settings(data_dir=work / "data", embedding=EmbeddingSettings(threads=cores)))
    worker = Worker(kb)
    worker.start()
    dataset = kb.create_dataset(scope, "files")
    clock = Clock()
    for part in batched(text_files(folder), UPLOAD_FILES):  # as `kb ingest` sends them
        incoming = []
        for path in part:
            with path.open("rb") as source:
                staged = kb.originals.stage(source, max_bytes=kb.settings.ingest.max_file_bytes)
            incoming.append(UploadedFile(path.relative_to(folder).as_posix(), staged))
        accept(kb, scope, dataset.id, incoming)
    while kb.database.reading(_waiting):
        time.sleep(POLL_S)
    clock.stop()
    worker.stop()
    with kb.database.read() as tx:
        assert documents.counts(tx, dataset.id).keys() == {"ready"}, "a document failed"
        texts = [text for _, text in chunks.live_of_dataset(tx, dataset.id)]
    characters = _characters(folder)
    result = _result(clock, characters, len(texts))
    kb.close()
    (work / "chunks.json").write_text(json.dumps({"texts": texts, "characters": characters}))
    return result


def _waiting(tx: Any) -> int:
    from kb.store.content import index_ops
    from kb.store.work import jobs

    return jobs.waiting(tx) + index_ops.waiting(tx)


def embedding(work: Path, cores: int) -> dict[str, Any]:
    """The model call alone, on the chunks that `ours` left in `work`."""
    from kb.models.embed.embedders import open_embedder
    from kb.settings import EmbeddingSettings

    made = json.loads((work / "chunks.json").read_text())
    size = EmbeddingSettings().batch_size
    embedder = open_embedder("bundled", cache_dir=work, threads=cores, batch_size=size)
    clock = Clock()
    embedder.embed_documents(made["texts"])
    clock.stop()
    return _result(clock, made["characters"], len(made["texts"]))


def _characters(folder: Path) -> int:
    return sum(len(path.read_text("utf-8")) for path in text_files(folder))


if __name__ == "__main__":
    main()
