"""Bulk ingest: a repeated folder, chat meanwhile, and memory over many files.

    python -m bench.bulk FOLDER [--files 1000] [--many 10000] [--questions 200]

Files are made of the texts under FOLDER, each cut to its own words so that no two share a chunk.

repeat  `kb ingest` of a folder of so many files into a running server, with the bundled model; then
        the same command again, unchanged. Whole commands are timed, start of Python included.
chat    a question every 50 ms to an app with extractive answers, on the idle server and while the
        folder of the first run is ingested into another dataset; whole answers are timed.
memory  resident memory of the server over `--many` small files (hash embedder), at every tenth.
"""

from __future__ import annotations

import argparse
import itertools
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.measuring import (
    ROOT,
    RunningServer,
    environment,
    kb_server,
    memory_mib,
    percentile,
    table,
    text_files,
)

CHARACTERS = 6000
PAUSE_S = 0.05
QUESTIONS = (
    "How do I declare a query parameter with a default value?",
    "What does a dependency return?",
    "How can I run the application behind a proxy?",
    "Which status code is the default?",
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Bulk ingest.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--many", type=int, default=10_000)
    parser.add_argument("--questions", type=int, default=200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work) / "files"
        make_files(arguments.folder, folder, arguments.files)
        with kb_server(Path(work) / "data") as server:
            repeat(server, Path(work) / "data", folder)
            chat(server, Path(work) / "data", folder, arguments.questions)
        many = Path(work) / "many"
        make_files(arguments.folder, many, arguments.many, characters=400)
        with kb_server(Path(work) / "flat", KB_EMBEDDING__MODEL="hash") as server:
            memory(server, Path(work) / "flat", many)


def make_files(source: Path, target: Path, count: int, characters: int = CHARACTERS) -> None:
    """So many files of different text."""
    target.mkdir()
    texts = [path.read_text(encoding="utf-8") for path in text_files(source)]
    pool = "\n\n".join(texts)
    for number in range(count):
        start = number * characters % max(1, len(pool) - characters)
        # Headings would end the file's own, which makes every chunk a new text.
        body = pool[start : start + characters].replace("#", "")
        (target / f"{number:05}.md").write_text(f"# File {number}\n\n{body}\n", encoding="utf-8")


def repeat(server: RunningServer, data: Path, folder: Path) -> None:
    """Time the first and the second ingest of a folder."""
    first_s = timed(lambda: ingest(data, folder, "first"))
    again_s = timed(lambda: ingest(data, folder, "first"))
    rows = [
        ("first", f"{first_s:.1f}", ""),
        ("again", f"{again_s:.2f}", f"{first_s / again_s:.0f}×"),
    ]
    print(table(f"{len(list(folder.iterdir()))} files", ("ingest", "seconds", "faster"), rows))


def chat(server: RunningServer, data: Path, folder: Path, questions: int) -> None:
    """Time answers on the idle server, and while a folder is ingested."""
    make_app(server)
    idle = list(answer_times_s(server, questions, lambda: True))
    second = folder.with_name("second")
    second.mkdir()
    for path in folder.iterdir():  # other words, so that nothing is known yet
        text = path.read_text(encoding="utf-8")
        (second / path.name).write_text(text.replace(" the ", " some "), encoding="utf-8")
    ingesting = threading.Thread(target=ingest, args=(data, second, "second"))
    ingesting.start()
    busy = list(answer_times_s(server, 10 * questions, ingesting.is_alive))
    ingesting.join()
    rows = [
        (name, len(times), *(f"{percentile(times, p) * 1000:.0f}" for p in (0.5, 0.95, 0.99)))
        for name, times in (("idle", idle), ("during ingest", busy))
    ]
    print(table("Whole answers", ("server", "answers", "p50 ms", "p95 ms", "p99 ms"), rows))


def memory(server: RunningServer, data: Path, folder: Path) -> None:
    """Resident memory while many files are ingested."""
    ingesting = threading.Thread(target=ingest, args=(data, folder, "many"))
    total = sum(1 for _ in folder.iterdir())
    rows: list[tuple[str, str]] = [("0", f"{memory_mib(server.process.pid):.0f}")]
    ingesting.start()
    with server.client() as http:
        for tenth in range(1, 11):
            while ingesting.is_alive() and ready(http) < total * tenth // 10:
                time.sleep(0.2)
            rows.append((str(total * tenth // 10), f"{memory_mib(server.process.pid):.0f}"))
    ingesting.join()
    print(table("Memory", ("documents ready", "resident MiB"), rows))


def ready(http: object) -> int:
    """Documents that are ready, from the server's own numbers."""
    text = http.get("/metrics").text  # type: ignore[attr-defined]
    counts = (line for line in text.splitlines() if line.startswith('kb_documents{status="ready"}'))
    return int(float(next(counts, "x 0").split()[1]))


def make_app(server: RunningServer) -> None:
    """An app over the first dataset."""
    with server.client() as http:
        (dataset,) = http.get("/v1/datasets").json()["data"]
        http.post("/v1/apps", json={"slug": "bulk", "name": "Bulk"}).raise_for_status()
        draft = {"dataset_ids": [dataset["id"]], "base": {"model": "extractive"}}
        http.put("/v1/apps/bulk/draft", json=draft).raise_for_status()
        http.post("/v1/apps/bulk/publish").raise_for_status()


def answer_times_s(
    server: RunningServer, most: int, goes_on: Callable[[], bool]
) -> Iterator[float]:
    """Seconds of whole answers, one question after the other."""
    with server.client() as http:
        for question in itertools.islice(itertools.cycle(QUESTIONS), most):
            if not goes_on():
                return
            body = {"query": question, "stream": False}
            yield timed(lambda b=body: http.post("/v1/apps/bulk/chat", json=b).raise_for_status())
            time.sleep(PAUSE_S)


def ingest(data: Path, folder: Path, dataset: str) -> None:
    """The command that users type."""
    command = [sys.executable, "-m", "cli", "ingest", str(folder), "--dataset", dataset, "--json"]
    subprocess.run(
        command,
        env=environment(KB_DATA_DIR=str(data)),
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )


def timed(work: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
