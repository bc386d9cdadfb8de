"""BEIR-style folders: corpus.jsonl, queries.jsonl and qrels/*.tsv with graded relevance.

Relevant are whole documents. Of several qrels the test part is taken, else the first by name.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from pathlib import Path
from typing import Any

from eval.question_sets.texts import (
    UnreadableQuestions,
    file_name,
    final,
    language_of,
    read_json_lines,
    unique,
)
from eval.types import Question, QuestionSet, Relevant, SourceDocument


def recognises(path: Path) -> bool:
    """A folder with a corpus, queries and judgements."""
    return (path / "corpus.jsonl").is_file() and (path / "queries.jsonl").is_file()


def load(path: Path) -> QuestionSet:
    """The whole corpus, and the queries that are judged."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    documents = []
    for row in read_json_lines(path / "corpus.jsonl"):
        name = unique(file_name(str(row["_id"])), taken)
        names[str(row["_id"])] = name
        taken.add(name)
        documents.append(SourceDocument(name, _text(row)))
    language = language_of(document.text or "" for document in documents[:50])
    judged = _judgements(path)
    questions = [
        Question(
            id=str(row["_id"]),
            text=final(str(row["text"])),
            relevant=tuple(
                Relevant(names[key], grade=grade)
                for key, grade in judged[str(row["_id"])].items()
                if key in names
            ),
            language=language,
        )
        for row in read_json_lines(path / "queries.jsonl")
        if str(row["_id"]) in judged
    ]
    return QuestionSet(path.name, language, documents, questions)


def _text(row: dict[str, Any]) -> str:
    title, text = final(str(row.get("title") or "")), final(str(row["text"]))
    return f"{title}\n\n{text}" if title else text


def _judgements(path: Path) -> dict[str, dict[str, float]]:
    found = sorted((path / "qrels").glob("*.tsv"))
    if not found:
        raise UnreadableQuestions(f"{path.name} has no qrels/*.tsv.")
    chosen = next((file for file in found if file.stem == "test"), found[0])
    judged: dict[str, dict[str, float]] = defaultdict(dict)
    with chosen.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            if float(row["score"]) > 0:
                judged[row["query-id"]][row["corpus-id"]] = float(row["score"])
    return judged
