"""Questions with exact excerpts of long texts, as in Chroma's chunking evaluation.

A CSV with the columns question, references (JSON: content, start_index, end_index) and corpus_id,
beside a folder corpora/ with the texts.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eval.question_sets.texts import beginning, files, final, language_of, place_of
from eval.types import Question, QuestionSet, Relevant, SourceDocument


def recognises(path: Path) -> bool:
    """A folder with corpora/ and a table of the form."""
    return (path / "corpora").is_dir() and _table(path) is not None


def load(path: Path) -> QuestionSet:
    """The texts, and the questions; `type` is the text that a question is about."""
    sources = {file.stem: file for file in files(path / "corpora", "*")}
    texts = {stem: final(file.read_text("utf-8")) for stem, file in sources.items()}
    documents = [SourceDocument(file.name, text=texts[stem]) for stem, file in sources.items()]
    table = _table(path)
    questions: list[Question] = []
    if table is not None:
        with table.open(encoding="utf-8-sig", newline="") as rows:
            questions = [
                _question(row, number, sources, texts)
                for number, row in enumerate(csv.DictReader(rows), start=1)
                if row["corpus_id"] in sources
            ]
    return QuestionSet(path.name, language_of(q.text for q in questions), documents, questions)


def _table(path: Path) -> Path | None:
    wanted = {"question", "references", "corpus_id"}
    tables = files(path, "*.csv")
    return next((t for t in tables if wanted <= set(beginning(t).splitlines()[0].split(","))), None)


def _question(
    row: Mapping[str, str], number: int, sources: Mapping[str, Path], texts: Mapping[str, str]
) -> Question:
    corpus = row["corpus_id"]
    references = json.loads(row["references"])
    places = [_place(texts[corpus], reference) for reference in references]
    return Question(
        id=str(number),
        text=final(row["question"]),
        answers=tuple(final(reference["content"]) for reference in references),
        relevant=tuple(Relevant(sources[corpus].name, *place) for place in places if place),
        type=corpus,
        language=language_of([texts[corpus][:2000]]),
        need="all",
    )


def _place(text: str, reference: Mapping[str, Any]) -> tuple[int, int] | None:
    start, end = int(reference["start_index"]), int(reference["end_index"])
    content = final(reference["content"])
    return (start, end) if text[start:end] == content else place_of(text, content, start)
