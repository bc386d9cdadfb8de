"""Markdown: the source itself is the page, so quotes are original; only its blocks are found.
Comments, which no reader sees, are taken out and counted; `10<sup>6</sup>` becomes 10^6, items that
all have the number 1 are counted, and rows of tables have outer bars.

markdown-it-py gives the structure with line numbers; inline markup is never parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from itertools import accumulate
from typing import BinaryIO

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ingest.readers.pages import SourceText, read_source
from ingest.readers.raised_text import lowered, raised, resolved
from ingest.types import Extraction, ReadOptions
from kb.types import Block, BlockKind

_KINDS: dict[str, BlockKind] = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "html_block": "paragraph",
    "fence": "code",
    "code_block": "code",
    "table_open": "table",
}
_CONTAINERS = ("bullet_list_open", "ordered_list_open", "blockquote_open")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(?:(?!---|\.\.\.).*\n)*(?:---|\.\.\.)[ \t]*(?:\n|$)")

_NOT_PLAIN = re.compile(
    r"^[ ]{0,3}(?P<fence>`{3,}|~{3,}).*?(?:^[ ]{0,3}(?P=fence)|\Z)|(?P<ticks>`+)[^\n]*?(?P=ticks)"
    r"|<su(?P<at>[pb])>(?P<inner>[^<\n]{1,20})</su(?P=at)>|(?P<html><!--)"
    r"|(?<=[\w)])\^(?P<above>[+\-]?\w{1,8})\^(?![\w^])"
    r"|(?<=[^\W\d_])~(?P<below>[+\-]?\w{1,4})~(?!~)|(?P<reference>^\[(?://|_|comment)\]:[^\n]*)",
    re.DOTALL | re.MULTILINE | re.IGNORECASE,
)

LineBlock = tuple[int, int, BlockKind, int]
"""First line, line behind the last, kind, heading level."""


def read_markdown(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The source as one page. YAML front matter is a code block: shown as it is, never cleaned.

    Raises:
        UnreadableFile: no text, too long, or the encoding is unknown.
    """
    found = _as_shown(read_source(source, options))
    skipped, tokens = _parsed(found.text)
    lines = found.text.split("\n")
    _count(lines, skipped, tokens)
    _bar(lines, skipped, tokens)
    shown = replace(found, text="\n".join(lines))
    parser = f"markdown-it-py {version('markdown-it-py')}"
    return shown.as_page(_blocks(lines, skipped, tokens), parser, options)


def _as_shown(found: SourceText) -> SourceText:
    """The source without comments, and with raised and lowered text that changes no figure."""
    text, parts, kept_from, position, dropped = found.text, [], 0, 0, 0
    while match := _NOT_PLAIN.search(text, position):
        position = match.end()
        if match["html"]:
            position = text.find("-->", position) + 3
            if position < 3:  # it never ends, so it is none
                break
        is_raised = (match["at"] or "").lower() == "p" or match["above"] is not None
        small = match["inner"] or match["above"] or match["below"] or ""
        instead = (raised if is_raised else lowered)(small)
        if instead or match["html"] or match["reference"]:
            parts += [text[kept_from : match.start()], instead]
            dropped += 0 if instead else position - match.start()
            kept_from = position
    shown = resolved("".join([*parts, text[kept_from:]])) if parts else text
    told = (f"Characters of comments left out: {dropped}.",) if dropped else ()
    return replace(found, text=shown, warnings=(*found.warnings, *told))


def _parsed(text: str) -> tuple[int, list[Token]]:
    """How many lines of front matter the source begins with, and the structure of the rest."""
    front = _FRONT_MATTER.match(text)
    skipped = front[0].rstrip("\n").count("\n") + 1 if front is not None else 0
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.disable(["inline", "text_join"])
    return skipped, parser.parse(text.split("\n", skipped)[-1] if skipped else text)


def _count(lines: list[str], skipped: int, tokens: Sequence[Token]) -> None:
    """Write the numbers that are shown where all items of a list have the same one."""
    lists: list[list[Token]] = []
    for token in tokens:
        if token.type == "ordered_list_open":
            lists.append([])
        elif token.type == "list_item_open" and token.info:
            lists[-1].append(token)
        elif token.type == "ordered_list_close":
            items = lists.pop()
            is_lazy = len({item.info for item in items}) == 1
            for number, item in enumerate(items if is_lazy else ()):
                line = (item.map or [0])[0] + skipped
                mark = f"{item.info}{item.markup}"
                shown = f"{int(item.info) + number}{item.markup}"
                lines[line] = lines[line].replace(mark, shown, 1)


def _bar(lines: list[str], skipped: int, tokens: Sequence[Token]) -> None:
    """Write the outer bars of tables that have none: rows are told by them."""
    tables = (token.map for token in tokens if token.type == "table_open" and token.level == 0)
    for first, behind in filter(None, tables):
        for number in range(first + skipped, behind + skipped):
            row = lines[number].strip()
            if not row.startswith("|"):
                inner = row if row.endswith("\\|") else row.removesuffix("|").rstrip()
                lines[number] = f"| {inner} |"


def _blocks(lines: Sequence[str], skipped: int, tokens: Sequence[Token]) -> Iterator[Block]:
    starts = [0, *accumulate(len(line) + 1 for line in lines)]
    starts[-1] -= 1
    text = "\n".join(lines)
    body = (
        (first + skipped, end + skipped, kind, level) for first, end, kind, level in _flat(tokens)
    )
    front: LineBlock = (0, skipped, "code", 0)
    for first, behind, kind, level in (front, *body):
        start, end = (starts[min(line, len(lines))] for line in (first, behind))
        if part := text[start:end].rstrip():
            yield Block(1, start, start + len(part), kind, level)


def _flat(tokens: Sequence[Token]) -> Iterator[LineBlock]:
    """Outermost blocks; a list or quotation is one, cut where it holds code or a table."""
    container_end = 0
    position = 0
    for token in tokens:
        if token.map is None or token.nesting < 0:
            continue
        first, behind = token.map
        if token.level == 0 and token.type in _CONTAINERS:
            yield from _rest(position, container_end)
            position, container_end = first, behind
        elif token.level == 0 and token.type in _KINDS:
            yield from _rest(position, container_end)
            level = int(token.tag[1]) if token.type == "heading_open" else 0
            yield first, behind, _KINDS[token.type], level
            position = container_end = behind
        elif _KINDS.get(token.type) in ("code", "table") and first >= position:
            yield from _rest(position, first)
            yield first, behind, _KINDS[token.type], 0
            position = behind
    yield from _rest(position, container_end)


def _rest(first: int, behind: int) -> Iterator[LineBlock]:
    if behind > first:
        yield first, behind, "list", 0
