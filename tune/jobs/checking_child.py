"""Rows are checked in a process of their own: ten thousand took 17 s here, for which answers of the
server would have stuttered. `python -m tune.jobs.checking_child TRAIN [VALID]` prints findings."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from tune.checking.report import check
from tune.rows.canonical import read_rows
from tune.types import Split

SPLITS: tuple[Split, ...] = ("train", "valid")


def main() -> None:
    """Check the files that are named."""
    rows = [
        replace(row, split=split)
        for split, path in zip(SPLITS, sys.argv[1:], strict=False)
        for row in read_rows(Path(path))
    ]
    json.dump([asdict(each) for each in check(rows).findings], sys.stdout)


if __name__ == "__main__":
    main()
