"""Documents that exist in several languages, with questions of one asked of another.

Ours are `docs/using`, with the questions beside this file: half, what a right passage holds (other
passages that answer behind ` | `), and the question in five languages; `-` where none answers.
Others are read where a folder has them: `docs_fastapi` (the heading of a section is asked of the
other language, or its first sentence, and the section is wanted; many headings, such as
"Conclusion", are those of several sections) and Debian's packages, unpacked by `dpkg -x` into one
folder: `debian-faq` with its translations (the question is asked of the answers without it) and
`gnome-user-docs` (the summary of a page is asked of the pages without it).
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser, LexborNode

from bench.measuring import ROOT
from eval.types import SourceDocument
from kb.text.scripts import WIDE
from kb.text.sentences import sentence_extents

HALVES = ("tune", "report")
MOST = 200
"""Questions of a pair that are asked."""

FAQ_CODES = ("en", "de", "ja", "zh-cn")
HELP_CODES = {"en": "C", "de": "de", "es": "es", "ja": "ja", "zh": "zh_CN"}
_HEADING = re.compile(r"^#+ (.+?) \{ #([a-z0-9-]+) \}", re.MULTILINE)
_NO_PROSE = re.compile(r"(?ms)```.*?```|<[^>]*>|\{\*.*?\*\}|^///.*?$|\]\(.*?\)")
_MARKS = re.compile(r"[*`\[\]]")
_NO_SENTENCE = ("*", "-", "|", "#", "http")
_WIDE = re.compile(f"[{WIDE}]")
LEAST_WIDTH = 60
"""Characters of a sentence that is asked, an East Asian one counting three."""
_LISTS = ("release-notes.md", "external-links.md", "contributing.md")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question, and what a right passage has: its document, words; neither: there is none."""

    question: str
    document: str = ""
    holds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Translated:
    """Documents in one language, and questions about them by the language that they are in."""

    name: str
    language: str
    documents: Sequence[SourceDocument]
    questions: Mapping[str, Sequence[Wanted]]


_NONE = Wanted("")

Edition = tuple[Sequence[SourceDocument], Mapping[str, Wanted]]
"""Documents in one language, and by a key that its translations share the questions about them."""


def ours(half: str) -> Translated:
    """The documentation and the questions of a half about it."""
    files = sorted((ROOT / "docs" / "using").glob("*.md"))
    lines = (Path(__file__).parent / "questions.tsv").read_text("utf-8").splitlines()
    head, *rows = [line.split("\t") for line in lines]
    found: dict[str, list[Wanted]] = {language: [] for language in head[2:]}
    for own, expected, *questions in rows:
        if own == half:
            pieces = () if expected == "-" else tuple(expected.split(" | "))
            for language, question in zip(found, questions, strict=True):
                found[language].append(Wanted(question, holds=pieces))
    documents = [SourceDocument(path.name, path=path) for path in files]
    return Translated(f"docs/using, {half}", "en", documents, found)


def others(folder: Path) -> Iterator[Translated]:
    """What a folder has of the other sets, once for each language of the documents."""
    fastapi = {lang: folder / "docs_fastapi" / lang / "docs" for lang in ("en", "zh")}
    for name, asked in (("headings", heading_asked), ("sentences", _first_sentence)):
        sections = {lang: sections(path, asked) for lang, path in fastapi.items()}
        yield from _translated(f"FastAPI, {name}", sections)
    faq = folder / "usr/share/doc/debian/FAQ"
    yield from _translated("FAQ", {code[:2]: _faq(faq, code) for code in FAQ_CODES})
    pages = folder / "usr/share/help"
    yield from _translated(
        "help", {lang: _pages(pages / code) for lang, code in HELP_CODES.items()}
    )


def _translated(name: str, editions: Mapping[str, Edition]) -> Iterator[Translated]:
    for language, (documents, own) in editions.items():
        asked = {
            other: [
                replace(own[key], question=entries[key].question)
                for key in sorted(own.keys() & entries.keys())
                # What is not translated is asked in the original language.
                if other == "en" or entries[key].question != english.get(key, _NONE).question
            ]
            for other, (_, entries) in editions.items()
            for english in [editions["en"][1]]
        }
        some = {
            other: random.Random(0).sample(items, min(MOST, len(items)))
            for other, items in asked.items()
        }
        if documents:
            yield Translated(name, language, documents, some)


def sections(folder: Path, asked: Callable[[str, str], str]) -> Edition:
    """The pages of a folder, and by place what `asked` makes of a section's heading and body."""
    documents, found = [], {}
    for path in sorted(folder.rglob("*.md")):
        name, text = path.relative_to(folder).as_posix(), path.read_text("utf-8")
        headings = list(_HEADING.finditer(text))
        if headings and path.name not in _LISTS:
            documents.append(SourceDocument(name, text))
            for own, after in pairwise((*headings[1:], None)):
                assert own is not None
                heading, anchor = own.groups()
                body = text[own.end() : after.start() if after else None]
                if question := asked(heading, body):
                    found[f"{name}#{anchor}"] = Wanted(question, name, (heading,))
    often = Counter(wanted.question for wanted in found.values())
    return documents, {key: w for key, w in found.items() if often[w.question] == 1}


def heading_asked(heading: str, _: str) -> str:
    """The heading of a section as a question for it."""
    return _MARKS.sub("", heading)


def _first_sentence(_: str, body: str) -> str:
    """The first one of some length in a paragraph; empty if there is none."""
    for paragraph in _NO_PROSE.sub(" ", body).split("\n\n"):
        plain = " ".join(_MARKS.sub("", paragraph).split())
        start, end = next(iter(sentence_extents(plain)), (0, 0))
        width = end - start + 2 * len(_WIDE.findall(plain[start:end]))
        if width >= LEAST_WIDTH and not paragraph.lstrip().startswith(_NO_SENTENCE):
            return plain[start:end]
    return ""


def _faq(folder: Path, code: str) -> Edition:
    documents, found = [], {}
    for path in sorted(folder.rglob(f"*.{code}.html")):
        for section in LexborHTMLParser(path.read_text("utf-8")).css("div.chapter > div.section"):
            title = section.css_first("h2.title")
            anchor = title.css_first("a").attributes["id"]
            question = re.sub(r"^[\d.\s]+", "", " ".join(title.text().split()))
            section.css_first("div.titlepage").decompose()
            name = f"{len(documents)}.txt"
            documents.append(SourceDocument(name, _text(section)))
            if question.endswith(("?", "？")):
                found[f"{path.name.partition('.')[0]}#{anchor}"] = Wanted(question, name)
    return documents, found


def _pages(folder: Path) -> Edition:
    documents, found = [], {}
    for path in sorted((folder / "gnome-help").glob("*.page")):
        # As HTML: no element of it ends by itself, and a title is for the head.
        page = re.sub(r"<(\w+)([^<>]*)/>", r"<\1\2></\1>", path.read_text("utf-8"))
        root = LexborHTMLParser(re.sub(r"<(/?)title\b", r"<\1h1", page)).root
        if root is None or (summary := root.css_first("info > desc")) is None:
            continue
        question = " ".join(summary.text().split())
        root.css_first("info").decompose()
        name = f"{len(documents)}.txt"
        documents.append(SourceDocument(name, _text(root)))
        found[path.stem] = Wanted(question, name)
    return documents, found


def _text(node: LexborNode) -> str:
    return "\n\n".join(" ".join(part.text().split()) for part in node.css("h1, h2, h3, p, pre"))
