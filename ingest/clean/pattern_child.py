"""The process in which regular expressions of users run: one request on stdin, one answer out.

`patterns.py` starts it. A pattern can take any time and memory, already when it is compiled; in
here that costs nobody but the document.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Iterator

import regex

MEMORY_BYTES = 1 << 30


def main() -> None:
    """Answer one request: `{"patterns": […], "texts": […], "cpu_s": n}` → `{"found": …}`, a list of
    [start, end] pairs for each text, or `{"invalid": [number, reason]}`."""
    request = json.load(sys.stdin.buffer)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (request["cpu_s"], request["cpu_s"] + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    compiled = []
    for number, pattern in enumerate(request["patterns"]):
        try:
            compiled.append(regex.compile(pattern, regex.MULTILINE))
        except (regex.error, RecursionError, OverflowError, ValueError) as exc:
            _answer({"invalid": [number, str(exc)[:200]]})
            return
    _answer({"found": [list(_found(compiled, text)) for text in request["texts"]]})


def _found(patterns: list[regex.Pattern[str]], text: str) -> Iterator[tuple[int, int]]:
    for pattern in patterns:
        for match in pattern.finditer(text):
            if match.end() > match.start():
                yield match.span()


def _answer(value: object) -> None:
    sys.stdout.buffer.write(json.dumps(value).encode())


if __name__ == "__main__":
    main()
