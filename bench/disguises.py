"""The prompt gate against every disguise of `tests/kb/chat/guard/disguises.py`.

    python -m bench.disguises [--before FOLDER]

Each disguise is told in tokens of several sizes. A disguise leaks if with one of them more than
`docs/using/apps.md` promises reaches the reader. FOLDER is a checkout of another revision, whose
gate is tried as well: `git worktree add FOLDER 449f84b`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from kb.chat.guard.gate import Guarded, PromptGuard
from kb.chat.guard.index import PromptIndex
from tests.kb.chat.guard.disguises import DISGUISES, Disguise, leaks, shown_of

SIZES = (1, 3, 4, 7, 17, 100_000)
EARLIER = 50


def main() -> None:
    """Print how many disguises of each kind leak, and the names of those that do."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", type=Path, help="a checkout of another revision")
    parser.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    now = [n for n, disguise in enumerate(DISGUISES) if _leaks(disguise)]
    if options.json:
        print(json.dumps(now))
        return
    before = _elsewhere(options.before) if options.before else None
    kinds = Counter(disguise.kind for disguise in DISGUISES)
    print(f"{'kind':22} disguises  leaks before  leaks now")
    for kind, count in [*kinds.items(), ("all", len(DISGUISES))]:
        print(f"{kind:22} {count:9}  {_count(before, kind):>12}  {_count(now, kind):>9}")
    for n in now:
        print(f"leaks: {DISGUISES[n].kind}, {DISGUISES[n].name}")


def _count(found: list[int] | None, kind: str) -> str:
    if found is None:
        return "?"
    return str(sum(kind in ("all", DISGUISES[n].kind) for n in found))


def _leaks(disguise: Disguise) -> bool:
    return any(
        leaks(disguise.prompt, disguise.level, shown_of(disguise, size, _answering(disguise)))
        for size in SIZES
    )


def _answering(disguise: Disguise) -> Callable[[list[str]], Callable[[str | None], str]]:
    index = PromptIndex((disguise.prompt,), ())
    try:
        from kb.chat.guard.disclosed import Disclosed
    except ImportError:  # before 0.2 nothing was kept of a reader
        told = ()
    else:
        told = (Disclosed(index),)

    def begin(earlier: list[str]) -> Callable[[str | None], str]:
        guard = PromptGuard(Guarded((index,), earlier=tuple(earlier[-EARLIER:])), *told)

        def read(piece: str | None) -> str:
            if guard.has_stopped:
                return ""
            return guard.finish() if piece is None else guard.feed(piece)

        return read

    return begin


def _elsewhere(folder: Path) -> list[int]:
    """The same with the gate of another revision: its `kb`, the benches and tests of this one."""
    code = (
        f"import sys; sys.path.insert(0, {str(folder.resolve())!r}); import kb, kb.chat.guard; "
        f"sys.path.insert(1, {str(Path.cwd())!r}); sys.argv = ['disguises', '--json']; "
        "import bench.disguises; bench.disguises.main()"
    )
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


if __name__ == "__main__":
    main()
