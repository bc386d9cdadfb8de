"""The pages' scripts: small files and folders, imports that go one way, patterns without loops."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.arch.test_architecture import MAX_FILE_LINES, MAX_FILES, ROOT, name_of

WEB = ROOT / "api" / "web"
SCRIPTS = sorted(WEB.rglob("*.js"))

ALLOWED = {
    "shared": {"shared"},
    "answer": {"answer", "shared"},
    "chat": {"answer", "chat", "shared"},
    "knowledge": {"knowledge", "shared"},
    "apps": {"apps", "chat", "shared"},
    "evaluation": {"chat", "evaluation", "shared"},
    "manage": {"manage", "shared"},
    "tuning": {"shared", "tuning"},
    "console": {"console", "shared"},
    "words": {"words"},
    "web": {"shared"},  # sign-in and reference: one script each, beside its page
}

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
    assert r"\s" in patterns(WEB / "answer" / "blocks.js")


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


def test_folders_show_their_themes():
    folders = [WEB, *(path for path in WEB.rglob("*") if path.is_dir())]
    sizes = {name_of(folder): sum(map(Path.is_file, folder.iterdir())) for folder in folders}
    assert {name: size for name, size in sizes.items() if size > MAX_FILES} == {}


@pytest.mark.parametrize("path", SCRIPTS, ids=name_of)
def test_imports_go_one_way(path: Path):
    imported = re.findall(r'from "(\.[^"]+)";', path.read_text(encoding="utf-8"))
    targets = [(path.parent / name).resolve() for name in imported]
    assert [name_of(target) for target in targets if not target.is_file()] == []
    assert {target.parent.name for target in targets} <= ALLOWED[path.parent.name]
