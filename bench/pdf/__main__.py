"""PDFs of known tables, headings and columns through our reader, plain pypdf and markitdown.

    python -m bench.pdf [--count 12] [--other PYTHON] [--set tuned] [--show 0]

Rows      a row counts if it stands in one line, cell by cell, each under the name of its column:
          `name: value | name: value` or a row of a Markdown table. `values` counts rows whose
          values stand in one line in order, with or without names and marks.
Headings  F1 over (text) and over (level, text); plain pypdf and markitdown give none.
Columns   the share of lines that are followed by the line below them.
Time      seconds a page, as a ratio to plain pypdf on the same files, in turns.

The reader was tuned on the set `tuned`; `held back` has other seeds, fonts, languages and rulings.
`--other` names a Python that has markitdown.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path

from pypdf import PdfReader

from bench.measuring import table
from bench.pdf.documents import STYLES, Made, Row, made
from ingest.readers.pdf.pdf import read_pdf
from ingest.types import ReadOptions

Score = tuple[float, float]


def main() -> None:
    """Make, read, score, print."""
    parser = argparse.ArgumentParser(description="PDFs of known tables, headings and columns.")
    parser.add_argument("--count", type=int, default=12, help="documents of each kind")
    parser.add_argument("--other", help="a Python that has markitdown")
    parser.add_argument("--set", choices=list(STYLES), action="append")
    parser.add_argument("--show", type=int, default=0, help="print so many rows that are wrong")
    arguments = parser.parse_args()
    for name in arguments.set or STYLES:
        _report(name, list(made(name, arguments.count)), arguments.other, arguments.show)


def _report(name: str, documents: Sequence[Made], python: str | None, show: int) -> None:
    ours = [_ours(one.data) for one in documents]
    texts = {"ours": [text for text, _ in ours], "pypdf": [_plain(one.data) for one in documents]}
    if python:
        texts["markitdown"] = _by_markitdown([one.data for one in documents], python)
    scores: dict[tuple[str, str], list[Score]] = defaultdict(list)
    for index, one in enumerate(documents):
        for reader, found in texts.items():
            headings = ours[index][1] if reader == "ours" else _hashes(found[index])
            scores[one.kind, reader].append(_score(one, found[index], headings))
        if show and one.rows:
            wrong = [row for row in one.rows if not _is_exact(row, ours[index][0])]
            for row in wrong[:show]:
                print(f"{one.kind} #{index}: {_line(row)}")
    rows = []
    for kind in dict.fromkeys(one.kind for one in documents):
        for reader in texts:
            first, second = (
                sum(part) / len(part) for part in zip(*scores[kind, reader], strict=True)
            )
            rows.append((kind, reader, f"{first:.3f}", f"{second:.3f}"))
    columns = ("kind", "reader", "exact rows, heading or order", "values, or level and heading")
    print(table(f"Set {name}", columns, rows))
    print(f"\ntime a page beside plain pypdf: {_time_ratio(documents):.2f}")


def _score(one: Made, text: str, headings: Sequence[tuple[int, str]]) -> Score:
    if one.rows:
        exact = sum(_is_exact(row, text) for row in one.rows)
        return exact / len(one.rows), sum(_has_values(row, text) for row in one.rows) / len(
            one.rows
        )
    if one.headings:
        return (
            _f1([t for _, t in headings], [t for _, t in one.headings]),
            _f1(list(headings), one.headings),
        )
    lines, whole = one.text.split("\n"), "".join(text.split())
    share = sum("".join(f"{a}{b}".split()) in whole for a, b in pairwise(lines)) / (len(lines) - 1)
    return share, share


def _line(row: Row) -> str:
    return " | ".join(f"{name}: {value}" for name, value in row)


def _is_exact(row: Row, text: str) -> bool:
    lines = text.split("\n")
    if _line(row) in lines:
        return True
    header: list[str] = []
    for line in lines:  # Markdown: the first row of a table has the names
        if not line.startswith("|"):
            header = []
            continue
        cells = [" ".join(cell.split()) for cell in line.strip("|").split("|")]
        header = header or cells
        if [(n, v) for n, v in zip(header, cells, strict=False) if v] == list(row):
            return True
    return False


def _has_values(row: Row, text: str) -> bool:
    for line in text.split("\n"):
        position = 0
        for _, value in row:
            position = line.find(value, position)
            if position < 0:
                break
            position += len(value)
        else:
            return True
    return False


def _f1(found: Sequence[object], wanted: Sequence[object]) -> float:
    common = len(set(found) & set(wanted))
    return 2 * common / (len(set(found)) + len(set(wanted)))


def _ours(data: bytes) -> tuple[str, list[tuple[int, str]]]:
    extraction = read_pdf(BytesIO(data), ReadOptions())
    texts = {page.number: page.text for page in extraction.pages}
    headings = [
        (block.level, " ".join(texts[block.page][block.start : block.end].split()))
        for block in extraction.blocks
        if block.kind == "heading"
    ]
    return "\n".join(texts.values()), headings


def _plain(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(data)).pages)


def _hashes(text: str) -> list[tuple[int, str]]:
    lines = (line for line in text.split("\n") if line.startswith("#"))
    return [(len(line) - len(line.lstrip("#")), line.lstrip("# ")) for line in lines]


def _time_ratio(documents: Sequence[Made]) -> float:
    ours = plain = 0.0
    for one in documents:
        ours += _seconds(_ours, one.data)
        plain += _seconds(_plain, one.data)
    return ours / plain


def _seconds(read: Callable[[bytes], object], data: bytes) -> float:
    began = time.perf_counter()
    read(data)
    return time.perf_counter() - began


_SCRIPT = """
import json, sys
from markitdown import MarkItDown
for path in sys.argv[1:]:
    print(json.dumps(MarkItDown().convert(path).text_content))
"""


def _by_markitdown(files: Sequence[bytes], python: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.pdf" for number in range(len(files))]
        for path, data in zip(paths, files, strict=True):
            path.write_bytes(data)
        done = subprocess.run(
            [python, "-c", _SCRIPT, *map(str, paths)], capture_output=True, check=True
        )
    return [json.loads(line) for line in done.stdout.splitlines()]


if __name__ == "__main__":
    main()
