"""Our own form: JSON Lines or CSV, one question a row; documented in docs/using/evaluating.md.

A folder with such a file `questions.jsonl` (or .csv) and a folder documents/ is a whole set.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from eval.question_sets.texts import (
    UnreadableQuestions,
    beginning,
    final,
    language_of,
    read_json_lines,
)
from eval.types import Question, QuestionSet, Relevant, SourceDocument

FIELDS = (
    "id",
    "question",
    "answers",
    "document",
    "spans",
    "relevant",
    "answerable",
    "type",
    "language",
    "need",
    "reference",
)
_LIST_MARK = "|"
_NO = frozenset(("false", "no", "0"))


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
    questions = [_question(row, number, file.name) for number, row in enumerate(rows, start=1)]
    languages = {question.language for question in questions}
    language = languages.pop() if len(languages) == 1 else language_of(q.text for q in questions)
    documents = _documents(path / "documents") if path.is_dir() else []
    return QuestionSet(path.stem, language, documents, questions)


def write(questions: Iterable[Question], path: Path) -> None:
    """Write questions as JSON Lines that `load` reads again; fields without a value are left out.

    Raises:
        OSError: the file cannot be written.
    """
    lines = [json.dumps(_row(question), ensure_ascii=False) + "\n" for question in questions]
    path.write_text("".join(lines), encoding="utf-8")


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


def _question(row: Mapping[str, Any], number: int, where: str) -> Question:
    unknown = set(row) - set(FIELDS)
    if unknown or not str(row.get("question", "")).strip():
        what = f"unknown fields {sorted(unknown)}" if unknown else "no question"
        raise UnreadableQuestions(
            f"{where}, question {number}: {what}. Known: {', '.join(FIELDS)}."
        )
    answers = row.get("answers", [])
    answers = [answers] if isinstance(answers, str) else answers
    text = final(str(row["question"])).strip()
    try:
        return Question(
            id=str(row.get("id", number)),
            text=text,
            answers=tuple(final(str(answer)) for answer in answers),
            relevant=tuple(_relevant(row)),
            answerable=bool(row.get("answerable", True)),
            type=str(row.get("type", "")),
            language=str(row.get("language") or language_of([text])),
            need="all" if row.get("need") == "all" else "any",
            reference=str(row.get("reference", "")),
        )
    except (TypeError, KeyError) as exc:
        raise UnreadableQuestions(
            f"{where}, question {number}: a span needs start and end, relevant a document."
        ) from exc


def _relevant(row: Mapping[str, Any]) -> list[Relevant]:
    parts = [Relevant(**part) for part in row.get("relevant", ())]
    document = row.get("document")
    if document is None:
        return parts
    spans = [
        Relevant(str(document), int(span["start"]), int(span["end"]), int(span.get("page", 1)))
        for span in row.get("spans", ())
    ]
    return [*parts, *(spans or [Relevant(str(document))])]


def _row(question: Question) -> dict[str, Any]:
    row: dict[str, Any] = {"id": question.id, "question": question.text}
    if question.answers:
        row["answers"] = list(question.answers)
    if question.relevant:
        row["relevant"] = [_part(part) for part in question.relevant]
    if not question.answerable:
        row["answerable"] = False
    for name in ("type", "language", "reference"):
        if getattr(question, name):
            row[name] = getattr(question, name)
    if question.need != "any":
        row["need"] = question.need
    return row


def _part(part: Relevant) -> dict[str, Any]:
    found: dict[str, Any] = {"document": part.document}
    if part.start is not None:
        found |= {"page": part.page, "start": part.start, "end": part.end}
    return found if part.grade == 1 else found | {"grade": part.grade}
