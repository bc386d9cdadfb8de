"""The pages' scripts: small files, and no regular expression that a long text could hold up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.arch.test_architecture import MAX_FILE_LINES, ROOT, name_of

WEB = ROOT / "api" / "web"
SCRIPTS = sorted(WEB.rglob("*.js"))

LITERAL = re.compile(
    r"""(?<=[(,=:\[!&|?{}; ])            # where an expression may begin
        /(?![*/ ])((?:\\.|\[(?:\\.|[^]\\\n])*\]|[^/\\\[\n])+)/[dgimsuvy]*(?=[\s.,;)])""",
    re.VERBOSE,
)
CLASS_OR_ESCAPE = re.compile(r"\\.|\[(?:\\.|[^]\\])*\]")


def patterns(path: Path) -> list[str]:
    """The regular expressions that a script writes out."""
    lines = (line.split("//", 1)[0] for line in path.read_text(encoding="utf-8").splitlines())
    return [found[1] for line in lines for found in LITERAL.finditer(line)]


def test_regular_expressions_are_found():
    assert r"\s" in patterns(WEB / "blocks.js")


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_a_pattern_looks_at_a_fixed_number_of_characters(path: Path):
    """Whoever repeats writes a loop, whose steps `tests/browser/test_long_texts.py` counts."""
    repeating = [
        pattern
        for pattern in patterns(path)
        if re.search(r"[*+{]", CLASS_OR_ESCAPE.sub("", pattern))
    ]
    assert repeating == []
    assert "RegExp(" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_scripts_stay_small(path: Path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES
