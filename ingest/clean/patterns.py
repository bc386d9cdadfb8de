"""Regular expressions of users, run where they can do no harm: in a child process with limits.

One catastrophic pattern would hold a thread for hours, and one with nested counts takes all memory
when it is compiled; no check of the pattern itself tells these apart from harmless ones. The child
is started for the call (about 0.05 s), which only datasets with such patterns pay.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from kb.errors import Rejected, UnreadableFile
from kb.types import Extent

TIMEOUT_S = 10.0
MAX_PATTERNS = 32
MAX_PATTERN_CHARACTERS = 1000


def find(patterns: Sequence[str], texts: Sequence[str]) -> list[list[Extent]]:
    """Where any of the patterns matches, for each text; matches of different ones may overlap.

    Patterns are those of the package `regex` (so `\\p{Han}` works); `^` and `$` stand for lines.
    Empty matches do not count.

    Raises:
        Rejected: a pattern is not valid.
        UnreadableFile: reason `pattern_timeout`: they took too long or too much memory.
    """
    if not patterns:
        return [[] for _ in texts]
    answer = _asked({"patterns": list(patterns), "texts": list(texts), "cpu_s": int(TIMEOUT_S)})
    if "invalid" in answer:
        number, reason = answer["invalid"]
        raise Rejected(f"The regular expression {patterns[number]!r} is not valid: {reason}.")
    return [_checked(found, len(text)) for found, text in zip(answer["found"], texts, strict=True)]


def check(patterns: Sequence[str]) -> None:
    """Refuse patterns that cannot be used.

    Raises:
        Rejected: one is not valid, or costs too much even before it is used.
    """
    try:
        find(patterns, [""])
    except UnreadableFile as exc:
        raise Rejected("The regular expressions take too long. Make them simpler.") from exc


def _asked(request: Any) -> Any:
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-B", "-m", "ingest.clean.pattern_child"],
            input=json.dumps(request).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=True,
            cwd="/",
            env={"PYTHONPATH": _import_path(), "PYTHONUTF8": "1"},
        )
        return json.loads(done.stdout)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError, ValueError) as exc:
        raise UnreadableFile(
            f"The regular expressions of this dataset took more than {TIMEOUT_S:g} s or too much "
            "memory on this file. Make them simpler, for example without repeats in repeats.",
            reason="pattern_timeout",
        ) from exc


def _checked(found: Sequence[Sequence[int]], length: int) -> list[Extent]:
    return [(start, end) for start, end in found if 0 <= start < end <= length]


def _import_path() -> str:
    return os.pathsep.join(os.path.abspath(entry or ".") for entry in sys.path)
