"""SQuAD-style JSON: SQuAD 1.1 and 2.0, CMRC 2018, JSQuAD, DRCD, GermanQuAD and others of the form.

An article becomes one document: its title, then its paragraphs. Articles without a title (as in
CMRC) become documents by paragraph id. Relevant is the first answer's place; stated positions are
not trusted, the nearest occurrence counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.question_sets.texts import (
    beginning,
    file_name,
    files,
    final,
    language_of,
    place_of,
    read_json,
    unique,
)
from eval.types import Question, QuestionSet, Relevant, SourceDocument

_MARKED_TITLE = "[SEP]"
"""JSQuAD puts the title before each passage, divided by this word."""

Raw = Mapping[str, Any]


def recognises(path: Path) -> bool:
    """A JSON file of the form, or a folder that holds one."""
    return any(_fits(file) for file in files(path, "*.json"))


def load(path: Path) -> QuestionSet:
    """The documents and questions of a file, or of all such files of a folder."""
    articles = [
        article
        for file in files(path, "*.json")
        if _fits(file)
        for article in read_json(file)["data"]
    ]
    documents: list[SourceDocument] = []
    questions: list[Question] = []
    language = language_of(p["context"] for a in articles[:50] for p in a["paragraphs"][:2])
    names: set[str] = set()
    for number, article in enumerate(articles, start=1):
        name = unique(file_name(_title(article, number)), names)
        names.add(name)
        text, found = _document(article, name, language)
        documents.append(SourceDocument(name, text))
        questions += found
    return QuestionSet(path.stem, language, documents, questions)


def _fits(file: Path) -> bool:
    return '"paragraphs"' in (start := beginning(file, 65536)) and '"data"' in start


def _title(article: Raw, number: int) -> str:
    first = article["paragraphs"][0] if article["paragraphs"] else {}
    return str(article.get("title") or first.get("id") or f"article {number}")


def _document(article: Raw, name: str, language: str) -> tuple[str, list[Question]]:
    title = str(article.get("title") or "").replace("_", " ")
    parts = [final(title)] if title else []
    questions: list[Question] = []
    length = len(parts[0]) + 2 if parts else 0
    for paragraph in article["paragraphs"]:
        context = _context(paragraph)
        parts.append(context)
        questions += _questions(paragraph, context, length, name, language)
        length += len(context) + 2
    return "\n\n".join(parts), questions


def _context(paragraph: Raw) -> str:
    # As long as before, so that positions hold.
    blank = "\n" * len(_MARKED_TITLE)
    return final(str(paragraph["context"])).replace(_MARKED_TITLE, blank)


def _questions(
    paragraph: Raw, context: str, offset: int, name: str, language: str
) -> Iterator[Question]:
    for raw in paragraph["qas"]:
        if not str(raw["question"]).strip():
            continue  # CMRC has one
        answers = [(final(str(a["text"])), int(a.get("answer_start", 0))) for a in raw["answers"]]
        has_answer = bool(answers) and not raw.get("is_impossible", False)
        yield Question(
            id=str(raw["id"]),
            text=final(str(raw["question"])),
            answers=tuple(dict.fromkeys(text for text, _ in answers)) if has_answer else (),
            relevant=_relevant(context, answers, offset, name) if has_answer else (),
            answerable=has_answer,
            type=kind_of(str(raw["question"])),
            language=language,
        )


def _relevant(
    context: str, answers: Sequence[tuple[str, int]], offset: int, name: str
) -> tuple[Relevant, ...]:
    for text, near in answers:
        place = place_of(context, text, near)
        if place is not None:
            return (Relevant(name, offset + place[0], offset + place[1]),)
    return ()


_KINDS = (
    (
        "how many",
        r"\bhow (?:many|much|long|old|far|often)\b|多少|几[个年月天名次种]|いくつ|何[人年月個歳回]",
    ),
    (
        "when",
        r"\bwhen\b|\b(?:what|which) (?:year|day|month|date|century)\b|何时|什么时候|哪年|いつ",
    ),
    ("who", r"\bwho(?:m|se)?\b|谁|哪位|何人|だれ|誰"),
    ("where", r"\bwhere\b|哪里|何处|什么地方|哪个国家|どこ"),
    ("why", r"\bwhy\b|为什么|为何|なぜ"),
    ("how", r"\bhow\b|如何|怎么|怎样|どのよう|どう"),
    ("which", r"\bwhich\b|哪[些个一]|どの|どれ"),
    ("what", r"\bwhat\b|什么|何|なに"),
)


def kind_of(question: str) -> str:
    """What a question asks for, by its question word in English, Chinese or Japanese."""
    folded = question.casefold()
    return next((kind for kind, words in _KINDS if re.search(words, folded)), "other")
