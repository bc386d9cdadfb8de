"""What importers share: final texts, safe file names, places of answers, languages."""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

from eval.types import UNKNOWN_LANGUAGE
from ingest.readers.pages import normalise
from kb.errors import Rejected
from kb.text import languages

_UNSAFE = re.compile(r'[\x00-\x1f/\\:*?"<>|]+')
_NAME_CHARACTERS = 80


class UnreadableQuestions(Rejected):
    """A question set is not in a form that is known, or breaks its rules."""

    code = "unreadable_questions"


def final(text: str) -> str:
    """The text as a page of an uploaded file has it: Unicode NFC, `\\n` as the line end."""
    return normalise(text)[0]


def file_name(title: str) -> str:
    """A file name for a document of that title."""
    kept = _UNSAFE.sub("_", title).strip(" .")
    return f"{kept[:_NAME_CHARACTERS] or 'document'}.txt"


def unique(name: str, taken: Container[str]) -> str:
    """The name, with a number before its ending if it is taken."""
    stem, dot, suffix = name.rpartition(".")
    number, found = 2, name
    while found in taken:
        found = f"{stem} {number}{dot}{suffix}"
        number += 1
    return found


def place_of(text: str, part: str, near: int = 0) -> tuple[int, int] | None:
    """Where a part stands in a text: of several places that nearest to where it was said to be."""
    starts = [match.start() for match in re.finditer(f"(?={re.escape(part)})", text)]
    if not part or not starts:
        return None
    start = min(starts, key=lambda found: abs(found - near))
    return start, start + len(part)


def language_of(texts: Iterable[str]) -> str:
    """The language of some texts (ISO 639-1), as far as the product can tell it."""
    return languages.language_of(" ".join(texts)) or UNKNOWN_LANGUAGE


def read_json(path: Path) -> Any:
    """The JSON of a file. Raises UnreadableQuestions, naming the file."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError as exc:  # also what is not UTF-8
        raise UnreadableQuestions(f"{path.name} is not JSON in UTF-8: {exc}.") from exc


def read_json_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON Lines file. Raises UnreadableQuestions, naming file and line."""
    rows = []
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as exc:
                raise UnreadableQuestions(f"{path.name}, line {number}: not JSON.") from exc
            if not isinstance(row, dict):
                raise UnreadableQuestions(f"{path.name}, line {number}: not a JSON object.")
            rows.append(row)
    return rows


def files(path: Path, pattern: str) -> list[Path]:
    """The files of a folder that fit a pattern, by name; a file stands for itself if it fits."""
    if path.is_dir():
        return sorted(found for found in path.glob(pattern) if found.is_file())
    return [path] if path.match(pattern) else []


def beginning(path: Path, size_bytes: int = 4096) -> str:
    """The first characters of a file, as far as they are UTF-8."""
    with path.open("rb") as source:
        return source.read(size_bytes).decode("utf-8-sig", "ignore")
