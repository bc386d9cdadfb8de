"""Our own form: JSON Lines or CSV, one question a row; documented in docs/using/evaluating.md.

A folder with such a file `questions.jsonl` (or .csv) and a folder documents/ is a whole set.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from eval.question_sets.texts import (
    UnreadableQuestions,
    beginning,
    final,
    language_of,
    read_json_lines,
)
from eval.types import Question, QuestionSet, Relevant, SourceDocument

_LIST_MARK = "|"
_NO = frozenset(("false", "no", "0"))


class _CharacterSpan(BaseModel):
    start: int
    end: int
    page: int = 1


class _Row(BaseModel):
    """A question as it is written."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    id: str = ""
    question: str
    answers: list[str] | str = []
    document: str | None = None
    spans: list[_CharacterSpan] = []
    relevant: list[Relevant] = []
    answerable: bool = True
    type: str = ""
    language: str = ""
    need: Literal["any", "all"] = "any"
    reference: str = ""


def recognises(path: Path) -> bool:
    """A .jsonl or .csv file with a `question` column, or a folder with questions.jsonl or .csv."""
    file = _file(path)
    if file is None:
        return False
    start = beginning(file)
    if file.suffix == ".csv":
        return "question" in start.partition("\n")[0].strip().split(",")
    return '"question"' in start.partition("\n")[0]


def load(path: Path) -> QuestionSet:
    """The questions, and the documents that lie beside them in documents/."""
    file = _file(path)
    if file is None:
        raise UnreadableQuestions(f"{path} holds no questions.jsonl and no questions.csv.")
    rows = _table(file) if file.suffix == ".csv" else read_json_lines(file)
    questions = [question_of(row, number, file.name) for number, row in enumerate(rows, start=1)]
    languages = {question.language for question in questions}
    language = languages.pop() if len(languages) == 1 else language_of(q.text for q in questions)
    documents = _documents(path / "documents") if path.is_dir() else []
    return QuestionSet(path.stem, language, documents, questions)


def write(questions: Iterable[Question], path: Path) -> None:
    """Write questions as JSON Lines that `load` reads again; fields without a value are left out.

    Raises:
        OSError: the file cannot be written.
    """
    path.write_text("".join(map(line_of, questions)), encoding="utf-8")


def line_of(question: Question) -> str:
    """A question as a line of JSON Lines."""
    return json.dumps(row_of(question), ensure_ascii=False) + "\n"


def _file(path: Path) -> Path | None:
    candidates = [path / "questions.jsonl", path / "questions.csv"] if path.is_dir() else [path]
    return next(
        (file for file in candidates if file.is_file() and file.suffix in (".jsonl", ".csv")), None
    )


def _documents(folder: Path) -> list[SourceDocument]:
    return [
        SourceDocument(file.relative_to(folder).as_posix(), path=file)
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    ]


def _table(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return [_cells(row) for row in csv.DictReader(lines)]


def _cells(row: Mapping[str, str]) -> dict[str, Any]:
    cells: dict[str, Any] = {name: value for name, value in row.items() if name and value}
    for name in ("spans", "relevant"):
        if name in cells:
            cells[name] = json.loads(cells[name])
    if "answers" in cells:
        cells["answers"] = [part.strip() for part in cells["answers"].split(_LIST_MARK)]
    if "answerable" in cells:
        cells["answerable"] = cells["answerable"].strip().casefold() not in _NO
    return cells


def question_of(raw: Mapping[str, Any], number: int, where: str) -> Question:
    """A question from its row. Raises UnreadableQuestions, naming the file and the question."""
    try:
        row = _Row.model_validate(raw)
    except ValidationError as exc:
        first = exc.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise UnreadableQuestions(
            f"{where}, question {number}: {field}: {first['msg']}. Known: "
            f"{', '.join(_Row.model_fields)}; a span has start and end, relevant a document."
        ) from exc
    text = final(row.question).strip()
    if not text:
        raise UnreadableQuestions(f"{where}, question {number}: no question.")
    answers = [row.answers] if isinstance(row.answers, str) else row.answers
    return Question(
        id=row.id or str(number),
        text=text,
        answers=tuple(map(final, answers)),
        relevant=tuple(_relevant(row)),
        answerable=row.answerable,
        type=row.type,
        language=row.language or language_of([text]),
        need=row.need,
        reference=row.reference,
    )


def _relevant(row: _Row) -> list[Relevant]:
    if row.document is None:
        return row.relevant
    spans = [Relevant(row.document, span.start, span.end, span.page) for span in row.spans]
    return [*row.relevant, *(spans or [Relevant(row.document)])]


def row_of(question: Question) -> dict[str, Any]:
    """A question as `question_of` reads it; fields without a value are left out."""
    row = _told(question)
    return {"id": row.pop("id"), "question": row.pop("text"), **row} | (
        {"relevant": [_told(part) for part in question.relevant]} if question.relevant else {}
    )


def _told(value: Question | Relevant) -> dict[str, Any]:
    """The fields that are not as they are by default."""
    pairs = ((field, getattr(value, field.name)) for field in fields(value))
    return {field.name: told for field, told in pairs if told != field.default}
