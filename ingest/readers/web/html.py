"""HTML pages, through selectolax (a browser-grade parser): what a person reads, block by block.

Scripts, styles and hidden parts are dropped. What stands around the main part (menus, side bars) is
left out by `html_main`, and the receipt says how much that was. The tree is walked without
recursion.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from typing import BinaryIO

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingest.readers.pages import PageWriter, read_bytes, source_text
from ingest.readers.web.html_boilerplate import Boilerplate, children, find_boilerplate
from ingest.readers.web.html_source import MAX_DEPTH, cap_depth, decode_html
from ingest.types import Extraction, ReadOptions
from kb.types import BlockKind

_DROPPED_TAGS = """
    head script style noscript template svg math iframe object canvas audio video select
    textarea datalist
    """
_DROPPED = frozenset(_DROPPED_TAGS.split())
_INLINE_TAGS = """
    a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark q s samp
    small span strike strong sub sup time tt u var wbr img ruby rb rt rp button
    """
_INLINE = frozenset(_INLINE_TAGS.split())
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\n\r\f]+")
_LONGEST_CELL = 1000
"""A table with a longer cell lays out a page; its cells are read as text, not as data."""


def read_html(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The visible text of a page as page 1.

    Raises:
        UnreadableFile: no text, too long, or the encoding is unknown.
    """
    decoded, lie = decode_html(read_bytes(source, options), options.encoding)
    markup, dropped_tags = cap_depth(decoded.text.replace("\x00", ""))
    writer = PageWriter(options)
    left_out = _Walk(writer).run(LexborHTMLParser(markup))
    warnings = [lie] if lie else []
    if dropped_tags:
        warnings.append(
            f"{dropped_tags} tags nested deeper than {MAX_DEPTH} were ignored; their text was kept."
        )
    if left_out:
        warnings.append(f"{left_out} characters around the main part were left out.")
    decoding = source_text(replace(decoded, text=""))
    return writer.extraction(f"selectolax {version('selectolax')}", "page", warnings, decoding)


class _Walk:
    """One pass over a tree: inline text gathers until a block begins or ends."""

    def __init__(self, writer: PageWriter) -> None:
        self._writer = writer
        self._inline: list[str] = []
        self._kinds: list[tuple[BlockKind, int]] = [("paragraph", 0)]
        self._boilerplate = Boilerplate()

    def run(self, tree: LexborHTMLParser) -> int:
        """Write the page; returns how many characters around its main part were left out."""
        if tree.body is None:
            return 0
        self._write_title(tree)
        self._boilerplate = find_boilerplate(tree.body, _is_shown)
        for node, entering in _walk(tree.body, self._enters):
            if entering:
                self._enter(node)
            else:
                self._leave(node)
        self._flush()
        return self._boilerplate.characters

    def _write_title(self, tree: LexborHTMLParser) -> None:
        title = tree.css_first("title")
        first_heading = tree.css_first("h1")
        words = " ".join(_inline_text(title).split()) if title is not None else ""
        if words and (
            first_heading is None or words != " ".join(_inline_text(first_heading).split())
        ):
            self._writer.add("heading", words, level=1)

    def _enters(self, node: LexborNode) -> bool:
        """Whether to go into a node; what is left out or written whole is not entered."""
        tag = node.tag or ""
        if not _is_shown(node) or node.mem_id in self._boilerplate.nodes:
            return False
        if tag == "pre":
            self._flush()
            self._writer.put("code", _inline_text(node))
            return False
        if tag == "table" and _is_data(node):
            self._flush()
            self._write_table(node)
            return False
        return True

    def _enter(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if node.is_text_node:
            self._inline.append(_BLANKS.sub(" ", node.text_content or ""))
        elif tag == "br":
            self._inline.append("\n")
        elif tag not in _INLINE:
            self._flush()
            if tag in _HEADINGS:
                self._kinds.append(("heading", _HEADINGS[tag]))
            elif tag in ("li", "dt", "dd"):
                self._kinds.append(("list", 0))

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if node.is_text_node or tag in _INLINE or tag == "br":
            return
        self._flush()
        if tag in _HEADINGS or tag in ("li", "dt", "dd"):
            self._kinds.pop()

    def _flush(self) -> None:
        if self._inline:
            lines = "".join(self._inline).split("\n")
            self._inline.clear()
            kind, level = self._kinds[-1]
            separator = " " if kind == "heading" else "\n"
            self._writer.put(
                kind, separator.join(filter(None, (" ".join(_words(x)) for x in lines))), level
            )

    def _write_table(self, table: LexborNode) -> None:
        """A line per row; under a header row each value carries its column's name."""
        caption = table.css_first("caption")
        if caption is not None:
            self._writer.put("paragraph", " ".join(_inline_text(caption).split()))
        header: list[str] = []
        for row in table.css("tr"):
            cells = [cell for cell in children(row) if cell.tag in ("td", "th")]
            values = [" ".join(_inline_text(cell).split()) for cell in cells]
            if not header and cells and all(cell.tag == "th" for cell in cells) and len(cells) > 1:
                header = values
                self._writer.put("table", " | ".join(filter(None, values)))
            else:
                self._writer.put("table", _row(header, values))


def _walk(
    root: LexborNode, enters: Callable[[LexborNode], bool]
) -> Iterator[tuple[LexborNode, bool]]:
    """Every node that is entered, before (True) and after (False) its children."""
    stack: list[tuple[LexborNode, bool]] = [(root, True)]
    while stack:
        node, entering = stack.pop()
        if not entering:
            yield node, False
        elif node.is_text_node:
            yield node, True
        elif enters(node):
            yield node, True
            stack.append((node, False))
            stack.extend((child, True) for child in reversed(children(node)))


def _inline_text(root: LexborNode) -> str:
    """All text under a node as it stands, without what is never shown; `<br>` is a line break."""
    parts = []
    for node, entering in _walk(root, _is_shown):
        if entering and node.is_text_node:
            parts.append(node.text_content or "")
        elif entering and (node.tag == "br" or (node.tag not in _INLINE and parts)):
            parts.append("\n")
    return "".join(parts)


def _is_shown(node: LexborNode) -> bool:
    return node.tag not in _DROPPED and not _is_hidden(node)


def _is_hidden(node: LexborNode) -> bool:
    if not node.is_element_node:
        return True
    attributes = node.attributes
    if not attributes:
        return False
    style = attributes.get("style")
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or (style is not None and _HIDDEN_STYLE.search(style) is not None)
    )


def _is_data(table: LexborNode) -> bool:
    if table.css_first("table table, h1, h2, h3, pre, ul, ol") is not None:
        return False
    cells = table.css("td")
    return all(len(_inline_text(cell)) <= _LONGEST_CELL for cell in cells)


def _row(header: list[str], values: list[str]) -> str:
    named = []
    for column, value in enumerate(values):
        name = header[column] if column < len(header) and len(values) == len(header) else ""
        if value:
            named.append(f"{name}: {value}" if name and name != value else value)
    return " | ".join(named)


def _words(line: str) -> list[str]:
    # Only ASCII blanks: a no-break space is part of the text.
    return [word for word in _BLANKS.split(line) if word]
