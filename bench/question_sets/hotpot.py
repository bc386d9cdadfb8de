"""HotpotQA-style JSON: questions over several passages, with the sentences that support the answer.

A passage becomes a document: its title, then its sentences. If a file `<name>_corpus.json` lies
beside, its passages are the documents, else those that the questions bring along.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.question_sets.texts import (
    beginning,
    file_name,
    files,
    final,
    language_of,
    read_json,
    unique,
)
from eval.types import Question, QuestionSet, Relevant, SourceDocument

Passages = Mapping[str, Sequence[str]]
"""Sentences by title."""


def recognises(path: Path) -> bool:
    """A JSON file of the form, or a folder that holds one."""
    return any(_fits(file) for file in files(path, "*.json"))


def load(path: Path) -> QuestionSet:
    """The documents and questions of all such files."""
    found = [file for file in files(path, "*.json") if _fits(file)]
    rows = [row for file in found for row in read_json(file)]
    passages: dict[str, Sequence[str]] = {}
    for file in found:
        passages.update(_passages(file))
    names: dict[str, str] = {}
    taken: set[str] = set()
    for title in passages:
        names[title] = unique(file_name(title), taken)
        taken.add(names[title])
    documents = [SourceDocument(names[title], _text(title, passages[title])) for title in passages]
    language = language_of(str(row["question"]) for row in rows)
    questions = [
        Question(
            id=str(row.get("_id", number)),
            text=final(str(row["question"])),
            answers=(final(str(row["answer"])),),
            relevant=_relevant(row, passages, names),
            type=str(row.get("type", "")),
            language=language,
        )
        for number, row in enumerate(rows)
    ]
    return QuestionSet(path.stem, language, documents, questions)


def _fits(file: Path) -> bool:
    return '"supporting_facts"' in beginning(file, 65536)


def _passages(file: Path) -> Passages:
    corpus = file.with_name(f"{file.stem}_corpus.json")
    if corpus.is_file():
        return dict(read_json(corpus))
    return {title: lines for row in read_json(file) for title, lines in row["context"]}


def _text(title: str, sentences: Sequence[str]) -> str:
    return f"{final(title)}\n\n{final(''.join(sentences))}"


def _relevant(
    row: Mapping[str, Any], passages: Passages, names: Mapping[str, str]
) -> tuple[Relevant, ...]:
    found = []
    for title, number in row["supporting_facts"]:
        sentences = passages.get(title, ())
        if number < len(sentences):
            start = len(_text(title, sentences[:number]))
            end = len(_text(title, sentences[: number + 1]))
            found.append(Relevant(names[title], start, end))
    return tuple(dict.fromkeys(found))
