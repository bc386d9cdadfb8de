"""TREC collections: documents in <doc> tags, topics in <top> tags, judgements in four columns.

Topic numbers of some copies jump while the judgements count from 1: then the order counts.
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from eval.question_sets.texts import (
    UnreadableQuestions,
    beginning,
    file_name,
    files,
    final,
    language_of,
)
from eval.types import Question, QuestionSet, Relevant, SourceDocument

# Such files are often not well-formed, so they are read by their tags.
_DOCUMENT = re.compile(r"<doc>(.*?)</doc>", re.DOTALL | re.IGNORECASE)
_TOPIC = re.compile(r"<top>(.*?)</top>", re.DOTALL | re.IGNORECASE)
_TAG = re.compile(r"<[^>]*>")
_JUDGEMENT = re.compile(r"(\S+)\s+\S+\s+(\S+)\s+(-?\d+)\s*$", re.MULTILINE)


def recognises(path: Path) -> bool:
    """A folder with a file of documents and a file of topics."""
    return path.is_dir() and _first(path, "<doc>") is not None and _first(path, "<top>") is not None


def load(path: Path) -> QuestionSet:
    """All documents, and the topics that are judged."""
    documents = [
        SourceDocument(file_name(_field(raw, "docno")), _body(raw))
        for raw in _parts(path, "<doc>", _DOCUMENT)
    ]
    documents = [document for document in documents if document.text]
    known = {document.name for document in documents}
    language = language_of(document.text or "" for document in documents[:20])
    judged = _judgements(path)
    topics = [
        (_field(raw, "num").removeprefix("Number:").strip(), _field(raw, "title"))
        for raw in _parts(path, "<top>", _TOPIC)
    ]
    if not set(judged) <= {number for number, _ in topics}:
        topics = [(str(place), text) for place, (_, text) in enumerate(topics, start=1)]
    questions = [
        Question(
            id=number,
            text=" ".join(text.split()),
            relevant=tuple(
                Relevant(name, grade=grade)
                for name, grade in judged[number].items()
                if name in known
            ),
            language=language,
        )
        for number, text in topics
        if number in judged
    ]
    return QuestionSet(path.name, language, documents, questions)


def _first(path: Path, tag: str) -> Path | None:
    found = [file for file in files(path, "*") if file.suffix.lower() not in (".md", ".pdf")]
    return next((file for file in found if tag in beginning(file).lower()), None)


def _parts(path: Path, tag: str, part: re.Pattern[str]) -> Iterator[str]:
    file = _first(path, tag)
    if file is None:
        raise UnreadableQuestions(f"{path.name} has no file with {tag}.")
    return (match[1] for match in part.finditer(file.read_text("utf-8", "replace")))


def _field(raw: str, name: str) -> str:
    found = re.search(rf"<{name}>(.*?)(?:</{name}>|<(?!/)|\Z)", raw, re.DOTALL | re.IGNORECASE)
    return final(html.unescape(_TAG.sub(" ", found[1]))).strip() if found else ""


def _body(raw: str) -> str:
    """Title and text; copies whose text begins with the title again have it once."""
    title, text = _field(raw, "title"), _field(raw, "text")
    return text if text.startswith(title) else f"{title}\n\n{text}".strip()


def _judgements(path: Path) -> dict[str, dict[str, float]]:
    judged: dict[str, dict[str, float]] = defaultdict(dict)
    for file in files(path, "*qrel*"):
        for topic, document, grade in _JUDGEMENT.findall(file.read_text("utf-8")):
            if int(grade) > 0:
                judged[topic][file_name(document)] = float(grade)
    return judged
