"""The hand-written pages, and what can be picked out of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def page(name: str) -> str:
    return text_of(ROOT / name)


def fences(text: str, language: str) -> Iterator[str]:
    """The code blocks of a language."""
    return (body for kind, body in _FENCE.findall(text) if kind == language)


def links(text: str) -> list[str]:
    """Where the links outside of code blocks lead."""
    return _LINK.findall(_FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """What a link can name after `#`: headings in the form that Git hosts give them."""
    return {slug(title) for title in _HEADING.findall(_FENCE.sub("", text))}


def slug(title: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", title.lower())
    return kept.replace(" ", "-")


def table_after(text: str, heading: str) -> list[list[str]]:
    """The cells of the rows of the first table behind a heading, its head left out."""
    lines = iter(text.partition(f"{heading}\n")[2].splitlines())
    rows: list[list[str]] = []
    for line in lines:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            break
    return rows[2:]
