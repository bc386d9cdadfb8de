"""RGB-style JSON Lines: a query, its answer, passages that hold it and passages that do not.

Each passage is a document; those of all questions together are searched. Passages that were made
wrong on purpose (`positive_wrong`) are left out: they test a language model, not a search.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eval.question_sets.texts import beginning, files, final, language_of, read_json_lines
from eval.types import Question, QuestionSet, Relevant, SourceDocument


def recognises(path: Path) -> bool:
    """A file of the form, or a folder that holds one."""
    return any(_fits(file) for file in files(path, "*.json*"))


def load(path: Path) -> QuestionSet:
    """The questions of all such files; `type` is the name of the file."""
    texts: dict[str, str] = {}
    questions = []
    for file in files(path, "*.json*"):
        if _fits(file):
            questions += [_question(row, file.stem, texts) for row in read_json_lines(file)]
    documents = [SourceDocument(name, text) for text, name in texts.items()]
    return QuestionSet(path.stem, language_of(q.text for q in questions), documents, questions)


def _fits(file: Path) -> bool:
    start = beginning(file, 65536)
    return '"query"' in start and '"positive"' in start and '"negative"' in start


def _question(row: Mapping[str, Any], kind: str, texts: dict[str, str]) -> Question:
    positive = [_name(passage, texts) for passage in _flat(row["positive"])]
    for passage in _flat(row["negative"]):
        _name(passage, texts)
    answers, is_list = _answers(row["answer"])
    return Question(
        id=f"{kind}-{row['id']}",
        text=final(str(row["query"])),
        answers=tuple(dict.fromkeys(final(part) for part in answers)),
        relevant=tuple(Relevant(name) for name in dict.fromkeys(positive)),
        answerable=bool(positive),
        type=kind,
        language=language_of([str(row["query"])]),
        need="all" if is_list else "any",
    )


def _answers(answer: Any) -> tuple[list[str], bool]:
    """A text is the answer, a list holds parts of it, a list in a list other words for one part."""
    if isinstance(answer, str):
        return [answer], False
    parts = [[part] if isinstance(part, str) else part for part in answer]
    return (list(parts[0]), False) if len(parts) == 1 else ([part[0] for part in parts], True)


def _name(passage: str, texts: dict[str, str]) -> str:
    return texts.setdefault(final(passage).strip(), f"{len(texts) + 1:05d}.txt")


def _flat(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    else:
        for part in value:
            yield from _flat(part)
