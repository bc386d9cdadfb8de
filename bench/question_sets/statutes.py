"""Chinese statutes in Markdown, one file per law, with questions made of their articles.

There are no questions in such a folder, so two kinds are made, always the same ones: `article`
asks for an article by law and number; `consequence` takes an article that says "who does X, Y
follows" and asks for Y by the words of X. The answer is the article's own text, so it can be found.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from eval.question_sets.texts import final
from eval.types import Question, QuestionSet, Relevant, SourceDocument

_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
_ARTICLE = re.compile(
    r"^(第[〇零一二三四五六七八九十百千]+条(?:之[一二三四五六七八九十]+)?)[ \u3000]+(.+)$",
    re.MULTILINE,
)
_CONSEQUENCE = re.compile(r"(?:\A|[。；])([^，。；：]{8,40}的)，([^。；：]{8,80})[。；]")
_OF_EACH_KIND = 300
_SEED = 0
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class _Article:
    document: str
    law: str
    number: str
    text: str
    start: int


def recognises(path: Path) -> bool:
    """A folder with at least 20 articles of law in its Markdown files."""
    if not path.is_dir():
        return False
    found = 0
    for file in sorted(path.rglob("*.md"))[:50]:
        found += len(_ARTICLE.findall(file.read_text("utf-8", "replace")))
        if found >= _FEWEST:
            return True
    return False


def load(path: Path) -> QuestionSet:
    """The laws, and up to 300 questions of each kind, chosen by a fixed seed."""
    documents = []
    articles: list[_Article] = []
    for file in sorted(path.rglob("*.md")):
        text = final(file.read_text("utf-8"))
        found = list(_articles(text, file.relative_to(path).as_posix()))
        if found:
            documents.append(SourceDocument(found[0].document, text))
            articles += found
    choose = random.Random(_SEED)
    questions = [
        question
        for kind in (_by_number(articles), _by_consequence(articles))
        for question in choose.sample(kind, min(_OF_EACH_KIND, len(kind)))
    ]
    return QuestionSet(path.name, "zh", documents, questions)


def _articles(text: str, name: str) -> Iterator[_Article]:
    law = "".join(title.strip() for title in _TITLE.findall(text)[:2]) or Path(name).stem
    for match in _ARTICLE.finditer(text):
        yield _Article(name, law, match[1], match[2].strip(), match.start(2))


def _by_number(articles: list[_Article]) -> list[Question]:
    return [
        Question(
            id=f"article-{place}",
            text=f"《{article.law}》{article.number}是怎么规定的？",
            answers=(_first_sentence(article.text),),
            relevant=(_whole(article),),
            type="article",
            language="zh",
        )
        for place, article in enumerate(articles)
        if len(article.text) >= _FEWEST
    ]


def _by_consequence(articles: list[_Article]) -> list[Question]:
    found: dict[str, Question] = {}
    repeated: set[str] = set()
    for place, article in enumerate(articles):
        match = _CONSEQUENCE.search(article.text)
        if match is None:
            continue
        if match[1] in found:
            repeated.add(match[1])  # two laws say it: no telling which is asked for
        found[match[1]] = Question(
            id=f"consequence-{place}",
            text=f"{match[1]}，法律是怎么规定的？",
            answers=(match[2],),
            relevant=(_whole(article),),
            type="consequence",
            language="zh",
        )
    return [question for words, question in found.items() if words not in repeated]


def _whole(article: _Article) -> Relevant:
    return Relevant(article.document, article.start, article.start + len(article.text))


def _first_sentence(text: str) -> str:
    return re.split(r"[。；：]", text, maxsplit=1)[0]
