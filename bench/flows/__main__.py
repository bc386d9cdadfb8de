"""How much of the code one question and one upload walk through, and how much code there is.

    python -m bench.flows [--checkout PATH] [--json FILE] [--upload FILE] [--rounds 5]

Any commit's checkout, through its command `kb serve` and HTTP alone. The server runs under
`bench.flows.probe`, which sees every thread, the reading processes and each statement of `sqlite3`.
Each flow runs `--rounds` times after a warm one, and what counts is what happened every time, so
that polls of background threads drop out. Of the upload the window is as long as twice what a
warm one takes, and nobody asks the server meanwhile.

Files, functions   of the checkout that are called; comprehensions and module bodies do not count.
Frames             most of the checkout's frames above an SQL statement, in its thread.
Reads, writes      SQL statements; BEGIN is counted as transactions, COMMIT and ROLLBACK are not.
Thread hops        from the event loop, and between threads through an executor.
CPU                of an answer of one token, in a server of its own without the probe.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.flows.probe import Probe, Record
from bench.measuring import (
    ROOT,
    fake_models,
    kb_server,
    median,
    table,
    use_cores,
    wait_for_batch,
)
from bench.traffic.questions import app_target, ask, ask_all, cpu_spent, make_dataset

SOURCES = ("kb", "api", "ingest", "eval", "cli", "client", "tune")
QUESTIONS = 10
LITERAL = re.compile(r"'(?:[^']|'')*'|\bx'[0-9a-f]*'|\b\d[\d.]*\b", re.IGNORECASE)
FIGURES = ("files", "functions", "frames", "reads", "writes", "transactions", "hops")
WRITES = ("INSERT", "REPLACE", "UPDATE", "DELETE", "WITH")
NOTE = "# Notice\n\nThe notice period of contract {0} is {0} months.\n\n## End\n\nIt ends then.\n"


@dataclass(frozen=True, slots=True)
class Flow:
    """What one flow always does: how much, and which functions and statements that is."""

    figures: dict[str, int]
    functions: list[str]
    statements: list[str]

    @classmethod
    def of(cls, rounds: Sequence[list[Record]]) -> Flow:
        """What all rounds have in common."""
        functions = _common(Counter(r[3] for r in records if r[2] == "call") for records in rounds)
        statements = _common(_statements(records) for records in rounds)
        hops = min(sum(record[2] == "hop" for record in records) for records in rounds)
        words = Counter(sql.partition(" ")[0].upper() for sql, *_ in statements.elements())
        counts = (
            len({name.partition(":")[0] for name in functions}),
            len(functions),
            max(frames for *_, frames in statements),
            words["SELECT"],
            sum(words[word] for word in WRITES),
            words["BEGIN"],
            hops,
        )
        called = [f"{sql} < {by}" for sql, by, _ in statements.elements()]
        return cls(dict(zip(FIGURES, counts, strict=True)), sorted(functions), called)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What a question and an upload walk through.")
    parser.add_argument("--checkout", type=lambda path: Path(path).resolve(), default=ROOT)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--upload", type=Path, help="another file than a small Markdown one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    use_cores(arguments.cores)
    seen = {name: Flow.of(rounds) for name, rounds in _seen(arguments).items()}
    cpu_ms, code = _cpu_ms(arguments.checkout), _code(arguments.checkout)
    rows = [(name, *flow.figures.values()) for name, flow in seen.items()]
    print(table("What a flow walks through", ("flow", *FIGURES), rows))
    print(table("Code", ("", "figure"), [("CPU ms, one token", f"{cpu_ms:.2f}"), *code.items()]))
    if arguments.json:
        flows = {name: asdict(flow) for name, flow in seen.items()}
        found = {"flows": flows, "cpu_ms": cpu_ms, "code": code}
        arguments.json.write_text(json.dumps(found, indent=1))


def _seen(arguments: argparse.Namespace) -> dict[str, list[list[Record]]]:
    """What the probe sees of each flow, round by round."""
    checkout, settings = arguments.checkout, {"KB_EMBEDDING__MODEL": "hash"}
    with tempfile.TemporaryDirectory() as folder, fake_models() as (url, _):
        probe, data = Probe(Path(folder), checkout), Path(folder) / "data"
        with (
            kb_server(data, checkout=checkout, under=probe.under, **settings) as server,
            server.client() as http,
        ):
            dataset = make_dataset(server)
            seen = {}
            for name, datasets in (("question", [dataset]), ("question without search", [])):
                target = app_target(server, url, f"app{len(datasets)}", "numbers:1", datasets)
                asyncio.run(ask(target, 1))
                seen[name] = [
                    probe.seen(lambda target=target: asyncio.run(ask(target, 1)))
                    for _ in range(arguments.rounds)
                ]
            seen["upload"] = _uploads(probe, http, dataset, arguments.upload, arguments.rounds)
    return seen


def _uploads(
    probe: Probe, http: httpx.Client, dataset: str, file: Path | None, rounds: int
) -> list[list[Record]]:
    def upload(number: int) -> str:
        content = file.read_bytes() if file else NOTE.format(number).encode()
        name = f"note {number}{file.suffix if file else '.md'}"
        answer = http.post(f"/v1/datasets/{dataset}/documents", files={"files": (name, content)})
        batch_id: str = answer.raise_for_status().json()["batch_id"]
        return batch_id

    began = time.perf_counter()
    wait_for_batch(http, upload(0))
    rest_s = 2 * (time.perf_counter() - began)
    found, batches = [], []
    for number in range(1, rounds + 1):
        found.append(probe.seen(lambda number=number: batches.append(upload(number)), rest_s))
        batch = http.get(f"/v1/batches/{batches[-1]}").json()
        assert batch["status"] == "completed", f"not ready in {rest_s} s: {batch}"
    return found


def _statements(records: list[Record]) -> Counter[tuple[str, str, int]]:
    """(statement without its values, who runs it, frames above it), and how often."""
    return Counter(
        (LITERAL.sub("?", record[3])[:80], " < ".join(record[4][:3]), record[5])
        for record in records
        if record[2] == "sql"
    )


def _common(counts: Iterable[Counter[Any]]) -> Counter[Any]:
    first, *others = counts
    for other in others:
        first &= other
    return first


def _cpu_ms(checkout: Path) -> float:
    with (
        tempfile.TemporaryDirectory() as data,
        fake_models() as (url, _),
        kb_server(Path(data), checkout=checkout, KB_EMBEDDING__MODEL="hash") as server,
    ):
        target = app_target(server, url, "single", "numbers:1", [])
        pid = server.process.pid
        spent = [cpu_spent(pid, lambda: ask_all(target, 1, QUESTIONS, 1)) for _ in range(21)]
    return 1000 * median(spent[1:]) / QUESTIONS


def _code(checkout: Path) -> dict[str, int]:
    """Lines of source and tests, and the Python files of the folders that have most."""
    sources = [path for name in SOURCES for path in (checkout / name).rglob("*.py")]
    folders = Counter(str(path.parent.relative_to(checkout)) for path in sources)
    most = {f"files in {name}/": count for name, count in folders.most_common(8)}
    tests = (checkout / "tests").rglob("*.py")
    return {"lines of source": _lines(sources), "lines of tests": _lines(tests), **most}


def _lines(paths: Iterable[Path]) -> int:
    return sum(path.read_bytes().count(b"\n") for path in paths)


if __name__ == "__main__":
    main()
