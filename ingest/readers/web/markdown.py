"""Markdown: the source itself is the page, so quotes are original; only its blocks are found.
Comments, which no reader sees, are taken out and counted; `10<sup>6</sup>` becomes 10^6.

markdown-it-py gives the structure with line numbers; inline markup is never parsed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
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
    parser = f"markdown-it-py {version('markdown-it-py')}"
    return found.as_page(_blocks(found.text), parser, options)


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


def _blocks(text: str) -> Iterator[Block]:
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    starts[-1] = len(text)
    skipped = 0
    front = _FRONT_MATTER.match(text)
    if front is not None:
        skipped = front[0].rstrip("\n").count("\n") + 1
        yield Block(1, 0, len(front[0].rstrip("\n")), "code")
    parser = MarkdownIt("commonmark").enable("table")
    parser.core.ruler.disable(["inline", "text_join"])
    tokens = parser.parse(text[starts[min(skipped, len(starts) - 1)] :])
    for first, behind, kind, level in _flat(tokens):
        start = starts[min(first + skipped, len(starts) - 1)]
        end = starts[min(behind + skipped, len(starts) - 1)]
        body = text[start:end].rstrip()
        if body.strip():
            yield Block(1, start, start + len(body), kind, level)


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
