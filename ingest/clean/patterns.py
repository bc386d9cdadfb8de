"""Regular expressions of users. They run in children only, which have limits: `ingest.sandbox`.

One catastrophic pattern would hold a thread for hours, and one with nested counts takes all memory
when it is compiled; no check of the pattern itself tells these apart from harmless ones.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

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
    try:
        return _found(patterns, texts, time.monotonic() + TIMEOUT_S)
    except (TimeoutError, MemoryError) as exc:
        raise UnreadableFile(
            f"The regular expressions of this dataset took more than {TIMEOUT_S:g} s or too much "
            "memory on this file. Make them simpler, for example without repeats in repeats.",
            reason="pattern_timeout",
        ) from exc


def _found(patterns: Sequence[str], texts: Sequence[str], deadline: float) -> list[list[Extent]]:
    import regex  # 15 ms, which only children of such datasets pay

    compiled = []
    for pattern in patterns:
        try:
            compiled.append(regex.compile(pattern, regex.MULTILINE))
        except (regex.error, RecursionError, OverflowError, ValueError) as exc:
            reason = str(exc)[:200]
            raise Rejected(
                f"The regular expression {pattern[:200]!r} is not valid: {reason}."
            ) from exc
    return [
        [
            match.span()
            for pattern in compiled
            for match in pattern.finditer(text, timeout=max(0.0, deadline - time.monotonic()))
            if match.end() > match.start()
        ]
        for text in texts
    ]
