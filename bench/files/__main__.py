"""Files of every kind through the readers, in their sandbox: does each give text or say why not?

    python -m bench.files FOLDER… [--other PYTHON] [--slowest 5]

Goals: no crash, no hang, at most 30 s and 512 MiB resident per file (an OCR engine's process
counted in). Where a gold text lies beside a file, character F1 against it is printed per format,
beside plain pypdf and, if `--other` names an interpreter that has them, markitdown and trafilatura.
Gold texts: `expected_outputs/NAME.md` for `NAME.pdf`, and `expected.html` for `source.html`.

F1 is taken over characters without white space and Markdown signs: `bag` over single characters
(nothing lost, nothing made up), `order` over runs of four (words and reading order intact).
"""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.files.others import OTHERS, gold_text, texts_by_others
from bench.measuring import memory_mib, table, verdict
from ingest.sandbox.reader_process import ReaderPool
from ingest.sniff.media_types import HEAD_BYTES, sniff
from kb.errors import Rejected
from kb.settings import IngestSettings

GOAL_S = 30.0
GOAL_MIB = 512.0
_SAMPLE_S = 0.02
_BROKEN = ("reader_crashed", "read_timeout", "read_memory")
_SIGNS = str.maketrans("", "", "|-*#_>`:\\[]()~=")
_RUN = 4


@dataclass(slots=True)
class Outcome:
    """What came of one file: its text or the reason why there is none."""

    path: Path
    kind: str
    reason: str
    seconds: float
    peak_mib: float
    text: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class Peak:
    """The most memory that this process's children had resident at one time, in MiB."""

    mib: float = 0.0
    stop: threading.Event = field(default_factory=threading.Event)


def main() -> None:
    """Read everything and print tables."""
    parser = argparse.ArgumentParser(description="Files of every kind through the readers.")
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--other", help="a Python that has markitdown and trafilatura")
    parser.add_argument("--slowest", type=int, default=5)
    arguments = parser.parse_args()
    paths = sorted(path for folder in arguments.folders for path in folder.rglob("*"))
    outcomes = list(_read_all([path for path in paths if path.is_file()]))
    print(_outcome_table(outcomes))
    print(_goals(outcomes))
    for outcome in sorted(outcomes, key=lambda one: -one.seconds)[: arguments.slowest]:
        print(f"slow: {outcome.seconds:5.1f} s {outcome.peak_mib:4.0f} MiB {outcome.path}")
    for outcome in outcomes:
        if outcome.reason in _BROKEN:
            print(f"{outcome.reason}: {outcome.path}")
    scores = _score_table(outcomes, arguments.other)
    if scores:
        print(scores)


def _read_all(paths: Sequence[Path]) -> Iterator[Outcome]:
    pool = ReaderPool.with_limits(IngestSettings())
    try:
        for path in paths:
            yield _read(pool, path)
    finally:
        pool.close()


def _read(pool: ReaderPool, path: Path) -> Outcome:
    began = time.perf_counter()
    kind = path.suffix.lower() or "(none)"
    text, reason = "", "text"
    warnings: tuple[str, ...] = ()
    with _watched() as peak:
        try:
            with path.open("rb") as source:
                media_type = sniff(source.read(HEAD_BYTES), path.name)
            kind = media_type.rpartition("/")[2]
            extraction = pool.read(path, media_type)
            text = "\n".join(page.text for page in extraction.pages)
            warnings = extraction.warnings
        except Rejected as exc:
            reason = exc.code
    seconds = time.perf_counter() - began
    return Outcome(path, kind[-40:], reason, seconds, peak.mib, text, warnings)


@contextmanager
def _watched() -> Iterator[Peak]:
    peak = Peak()

    def watch() -> None:
        while not peak.stop.is_set():
            peak.mib = max(peak.mib, sum(_resident(pid) for pid in _descendants(os.getpid())))
            peak.stop.wait(_SAMPLE_S)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        peak.stop.set()
        thread.join()


def _descendants(pid: int) -> list[int]:
    """Children, theirs, and so on."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = [int(child) for child in (task / "children").read_text().split()]
        except OSError:  # it ended meanwhile
            continue
        for child in children:
            found.append(child)
            try:
                found.extend(_descendants(child))
            except OSError:
                continue
    return found


def _resident(pid: int) -> float:
    try:
        return memory_mib(pid)
    except (OSError, ValueError):  # it ended meanwhile
        return 0.0


def _outcome_table(outcomes: Sequence[Outcome]) -> str:
    by_kind: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_kind[outcome.kind].append(outcome)
    rows = []
    for kind, group in sorted(by_kind.items(), key=lambda entry: -len(entry[1])):
        reasons = Counter(one.reason for one in group)
        rows.append(
            (
                kind,
                len(group),
                reasons.pop("text", 0),
                ", ".join(f"{name} {count}" for name, count in reasons.most_common()),
                f"{max(one.seconds for one in group):.1f}",
                f"{max(one.peak_mib for one in group):.0f}",
            )
        )
    columns = ("format", "files", "text", "clear errors", "worst s", "peak MiB")
    return table("Outcomes", columns, rows)


def _goals(outcomes: Sequence[Outcome]) -> str:
    broken = sum(one.reason in _BROKEN for one in outcomes)
    worst_s = max(one.seconds for one in outcomes)
    peak = max(one.peak_mib for one in outcomes)
    return (
        f"\n{len(outcomes)} files: crashes and hangs {broken} ({verdict(broken == 0)}), "
        f"slowest {worst_s:.1f} s ({verdict(worst_s <= GOAL_S)}), "
        f"most memory {peak:.0f} MiB ({verdict(peak <= GOAL_MIB)})"
    )


def _score_table(outcomes: Sequence[Outcome], python: str | None) -> str:
    gold = {one.path: text for one in outcomes if (text := gold_text(one.path)) is not None}
    if not gold:
        return ""
    readers = {"ours": {one.path: one.text for one in outcomes if one.path in gold}}
    readers.update(texts_by_others(list(gold), python))
    kinds: dict[str, list[Path]] = defaultdict(list)
    for one in outcomes:
        if one.path in gold:
            kinds[one.kind].append(one.path)
    rows = []
    for kind, paths in kinds.items():
        for name in ("ours", *OTHERS):
            if name in readers and any(path in readers[name] for path in paths):
                bag = [f1(readers[name].get(path, ""), gold[path], 1) for path in paths]
                order = [f1(readers[name].get(path, ""), gold[path], _RUN) for path in paths]
                row = (f"{sum(bag) / len(bag):.3f}", f"{sum(order) / len(order):.3f}")
                rows.append((kind, len(paths), name, *row))
    return table("Character F1", ("format", "files", "reader", "bag", "order"), rows)


def f1(text: str, gold: str, run: int) -> float:
    """Harmonic mean of precision and recall over runs of characters; 1 if both texts are empty."""
    found, wanted = _runs(text, run), _runs(gold, run)
    if not found and not wanted:
        return 1.0
    common = (found & wanted).total()
    return 2 * common / (found.total() + wanted.total())


def _runs(text: str, run: int) -> Counter[str]:
    plain = "".join(text.translate(_SIGNS).split())
    return Counter(plain[start : start + run] for start in range(len(plain) - run + 1))


if __name__ == "__main__":
    main()
