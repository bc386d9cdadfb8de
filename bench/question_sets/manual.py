"""A manual in English, asked in Chinese: the heading of a section's translation asks for it.

Of the two folders en/docs and zh/docs the first is searched. Headings that several sections have,
or that are not translated, ask nothing.
"""

from __future__ import annotations

from pathlib import Path

from bench.retrieval.across.translations import heading_asked, sections
from eval.types import Question, QuestionSet, Relevant


def recognises(path: Path) -> bool:
    """A folder with docs in both languages."""
    return all((path / language / "docs").is_dir() for language in ("en", "zh"))


def load(path: Path) -> QuestionSet:
    """The English pages, and the Chinese headings; what is right holds the heading in English."""
    documents, own = sections(path / "en" / "docs", heading_asked)
    _, translated = sections(path / "zh" / "docs", heading_asked)
    questions = [
        Question(key, asked.question, own[key].holds, (Relevant(own[key].document),), language="zh")
        for key, asked in translated.items()
        if key in own and asked.question != own[key].question
    ]
    return QuestionSet(path.name, "zh", documents, questions)
