"""Questions in a table about files in docs/, answered in prose (KG-RAG datasets and like ones).

Columns: Question, Source Docs, Question Type, Answer; the answer ends with its sources. Prose does
not stand in a document word by word, so `answers` are the figures in it (all are needed), and the
whole is the `reference` for a judge. Questions about files that are not there are left out.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from eval.question_sets.texts import beginning, files, final, language_of
from eval.types import Question, QuestionSet, Relevant, SourceDocument

_SOURCE_NAME = re.compile(r"[\w .-]+?\.(?:pdf|docx?|html?|txt|md)\b", re.IGNORECASE)
_SOURCES = re.compile(r"\(?SOURCE(?:\(S\))?:[^\n]*", re.IGNORECASE)
_FIGURE = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+")
"""With a comma or a point: years and small counts stand everywhere."""


def recognises(path: Path) -> bool:
    """A folder with docs/ and a table of the form."""
    return (path / "docs").is_dir() and bool(_tables(path))


def load(path: Path) -> QuestionSet:
    """The files of docs/, and the questions of the largest table about them."""
    documents = [SourceDocument(file.name, path=file) for file in files(path / "docs", "*")]
    names = [document.name for document in documents]
    table = max(_tables(path), key=lambda file: file.stat().st_size)
    with table.open(encoding="utf-8-sig", newline="") as rows:
        found = [
            _question(row, number, names) for number, row in enumerate(csv.DictReader(rows), 1)
        ]
    questions = [question for question in found if question is not None]
    language = language_of(question.text for question in questions)
    return QuestionSet(path.name, language, documents, questions)


def _tables(path: Path) -> list[Path]:
    return [
        file
        for file in files(path, "*.csv")
        if {"Question", "Source Docs", "Answer"} <= set(beginning(file).splitlines()[0].split(","))
    ]


def _question(row: dict[str, str], number: int, names: Sequence[str]) -> Question | None:
    answer = final(row["Answer"]).strip()
    named = [_known(match, names) for match in _SOURCE_NAME.findall(_sources(answer))]
    if not named or None in named:
        return None
    prose = _SOURCES.sub("", answer).strip()
    return Question(
        id=str(number),
        text=final(row["Question"]).strip(),
        answers=tuple(dict.fromkeys(_FIGURE.findall(prose))),
        relevant=tuple(Relevant(name) for name in dict.fromkeys(named) if name),
        type=row.get("Question Type", ""),
        language=language_of([row["Question"], answer]),
        need="all",
        reference=prose,
    )


def _sources(answer: str) -> str:
    return "\n".join(_SOURCES.findall(answer))


def _known(named: str, names: Sequence[str]) -> str | None:
    return next(
        (name for name in names if named.strip().casefold().endswith(name.casefold())), None
    )
