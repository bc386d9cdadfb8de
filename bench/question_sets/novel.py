"""Questions about one long text: a CSV with difficulty, question and answer, beside the text.

Of several editions the first clean one by path is taken. Answers lose their full stop and what
stands in brackets, and lists become parts that are all needed; `findable` then leaves
those questions whose answer stands in the text.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

from eval.question_sets.texts import UnreadableQuestions, beginning, final, language_of
from eval.types import Question, QuestionSet, SourceDocument

_BRACKETS = re.compile(r"[（(][^（）()]*[）)]")
_LIST = re.compile(r"[、;；]")
_SHORT = 24
"""Longer answers are prose, in which a list mark divides no list."""


def recognises(path: Path) -> bool:
    """A folder with a table of the form in it, and a text."""
    return path.is_dir() and bool(_tables(path)) and any(path.rglob("*.txt"))


def load(path: Path) -> QuestionSet:
    """The text, and the questions about it; `type` is the difficulty."""
    file, text = _edition(path)
    language = language_of([text[:5000]])
    rows = [
        row
        for table in _tables(path)
        for row in csv.DictReader(table.read_text("utf-8-sig").splitlines())
    ]
    questions = [
        Question(
            id=str(number),
            text=final(row["question"]).strip(),
            answers=_answers(final(row["answer"])),
            type=row["difficulty"],
            language=language,
            need="all" if _is_list(final(row["answer"])) else "any",
            reference=final(row["answer"]).strip(),
        )
        for number, row in enumerate(rows, start=1)
        if row["question"] and row["answer"]
    ]
    return QuestionSet(path.name, language, [SourceDocument(file.name, text)], questions)


def _tables(path: Path) -> list[Path]:
    head = "difficulty,question,answer"
    return [file for file in sorted(path.rglob("*.csv")) if beginning(file).startswith(head)]


def _edition(path: Path) -> tuple[Path, str]:
    for file in sorted(path.rglob("*.txt")):
        try:
            text = file.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
        if "\ufffd" not in text:
            return file, final(text)
    raise UnreadableQuestions(f"{path.name} has no text in clean UTF-8.")


def _plain(answer: str) -> str:
    return _BRACKETS.sub("", answer).strip().rstrip("。.！!").strip()


def _is_list(answer: str) -> bool:
    plain = _plain(answer)
    return len(plain) <= _SHORT and bool(_LIST.search(plain))


def _answers(answer: str) -> tuple[str, ...]:
    plain = _plain(answer)
    parts = _LIST.split(plain) if _is_list(answer) else [plain]
    return tuple(part.strip() for part in parts if part.strip())
