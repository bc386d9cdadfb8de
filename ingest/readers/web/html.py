"""HTML pages, through selectolax (a browser-grade parser): what a person reads, block by block.

Scripts, styles and hidden parts are dropped. What stands around the main part (menus, side bars) is
left out by `html_main`, and the receipt says how much that was. The tree is walked without
recursion.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.metadata import version
from itertools import islice
from typing import BinaryIO

from selectolax.lexbor import LexborHTMLParser, LexborNode

from ingest.readers.link_targets import LINKS, link_target
from ingest.readers.pages import HIDDEN, PICTURES, PageWriter, read_bytes, source_text
from ingest.readers.raised_text import lowered, noted, raised
from ingest.readers.table_rows import TableLines, one_line
from ingest.readers.web.html_boilerplate import children, find_boilerplate
from ingest.readers.web.html_elements import (
    DROPPED,
    OPTIONS,
    TOOLTIPS,
    chosen_options,
    field_text,
    formula_text,
    is_hidden,
    is_note_mark,
    is_text_shown,
    loss,
    meaning,
    opened_ids,
    picture_text,
    position,
    raw_text,
    spoken_text,
    tooltips,
)
from ingest.readers.web.html_lists import ListNumbers
from ingest.readers.web.html_source import MAX_DEPTH, cap_depth, decode_html
from ingest.readers.web.html_tables import is_data, tables
from ingest.types import Extraction, ReadOptions
from kb.types import BlockKind

_INLINE_TAGS = """
    a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark q s samp
    small span strike strong sub sup time tt u var wbr img ruby rb rt rp button label input
    select textarea math
    """
_INLINE = frozenset(_INLINE_TAGS.split())
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLANKS = re.compile(r"[ \t\n\r\f]+")
_MARKS = {"sup": raised, "sub": lowered}


def read_html(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The visible text of a page as page 1.

    Raises:
        UnreadableFile: no text, too long, or the encoding is unknown.
    """
    decoded, lie = decode_html(read_bytes(source, options), options.encoding)
    markup, dropped_tags = cap_depth(decoded.text.replace("\x00", ""))
    writer = PageWriter(options)
    left_out = _write_page(LexborHTMLParser(markup), writer)
    warnings = [lie] if lie else []
    if dropped_tags:
        warnings.append(
            f"{dropped_tags} tags nested deeper than {MAX_DEPTH} were ignored; their text was kept."
        )
    if left_out:
        warnings.append(f"{left_out} characters around the main part were left out.")
    decoding = source_text(replace(decoded, text=""))
    return writer.extraction(f"selectolax {version('selectolax')}", "page", warnings, decoding)


def _write_page(tree: LexborHTMLParser, writer: PageWriter) -> int:
    """Write the page; returns how many characters around its main part were left out."""
    if tree.body is None:
        return 0
    title, first_heading = tree.css_first("title"), tree.css_first("h1")
    words = " ".join(raw_text(title).split()) if title is not None else ""
    if words and (first_heading is None or words != " ".join(raw_text(first_heading).split())):
        writer.add("heading", words, level=1)
    writer.losses[TOOLTIPS] += tooltips(tree.body)
    boilerplate = find_boilerplate(tree.body, is_text_shown)
    _Walk(writer.put, writer.losses, opened_ids(tree), boilerplate.nodes).run(tree.body)
    return boilerplate.characters


class _Walk:
    """One pass over a tree: inline text gathers until a block begins or ends."""

    def __init__(
        self,
        put: Callable[[BlockKind, str, int], None],
        losses: Counter[str],
        opened: frozenset[str],
        left_out: frozenset[int],
    ) -> None:
        self._put = put
        self._losses = losses
        self._opened = opened
        self._left_out = left_out
        self._inline: list[str] = []
        self._explained: set[str] = set()
        self._starts: list[int] = []
        self._numbers = ListNumbers()
        self._label = ""
        self._kinds: list[tuple[BlockKind, int]] = [("paragraph", 0)]

    def run(self, root: LexborNode) -> None:
        """Write everything under an element."""
        for node, entering in _walk(root, self._enters):
            if node is root:
                continue
            if entering:
                self._enter(node)
            else:
                self._leave(node)
        self._flush()

    def _enters(self, node: LexborNode) -> bool:
        """Whether to go into a node; what is left out or written whole is not entered."""
        tag = node.tag or ""
        if node.mem_id in self._left_out or not self._is_read(node):
            return False
        if tag == "pre":
            self._flush(and_label=True)
            self._put("code", raw_text(node), 0)
        elif tag == "table" and is_data(node):
            self._flush(and_label=True)
            self._write_table(node)
        elif tag == "math":
            self._inline.append(formula_text(node))
        elif tag in ("input", "select", "textarea"):
            self._losses[OPTIONS] += len(node.css("option")) - len(chosen_options(node))
            self._write_field(field_text(node))
        else:
            return True
        return False

    def _is_read(self, node: LexborNode) -> bool:
        """Whether a node is shown; what is lost with one that is not is counted."""
        if not node.is_element_node:
            return False
        if node.tag in DROPPED:
            name, count = loss(node) or ("", 0)
            self._losses[name] += count
            return False
        if not is_hidden(node) or node.attributes.get("id") in self._opened:
            return True
        if node.attributes.get("aria-hidden") != "true":
            self._losses[HIDDEN] += len(" ".join(raw_text(node).split()))
        return False

    def _write_field(self, value: str) -> None:
        """The value of a field behind the words before it, and what follows on its own line."""
        if value in ("☒", "☐"):
            self._inline.append(f"{value} ")
        elif value:
            while self._inline and not self._inline[-1].strip(" "):
                self._inline.pop()
            is_named = bool(self._inline) and self._inline[-1].rstrip(" ")[-1:].isalnum()
            if is_named:
                self._inline[-1] = self._inline[-1].rstrip(" ") + ":"
            self._inline.append(f" {value}\n")

    def _enter(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if node.is_text_node:
            self._inline.append(_BLANKS.sub(" ", node.text_content or ""))
        elif tag == "br":
            self._inline.append("\n")
        elif tag == "img":
            self._losses[PICTURES] += 1
            self._inline.append(picture_text(node))
        elif position(node):
            self._starts.append(len(self._inline))
        elif tag not in _INLINE:
            self._flush()
            if tag in _HEADINGS:
                self._kinds.append(("heading", _HEADINGS[tag]))
            elif tag in ("li", "dt", "dd"):
                self._kinds.append(("list", 0))
                self._label += self._numbers.label(node) if tag == "li" else ""

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if place := position(node):
            self._close_inline(node, place)
        if (words := meaning(node)) and words not in self._explained:
            self._explained.add(words)
            self._inline.append(f" ({words})")
        if node.is_text_node or tag in _INLINE or tag == "br":
            return
        self._flush()
        if tag in _HEADINGS or tag in ("li", "dt", "dd"):
            self._kinds.pop()
            self._label = ""

    def _flush(self, *, and_label: bool = False) -> None:
        if and_label and self._label:
            self._inline.append(" ")
        if self._inline:
            lines = "".join(self._inline).split("\n")
            self._inline.clear()
            kind, level = self._kinds[-1]
            separator = " " if kind == "heading" else "\n"
            text = separator.join(filter(None, (" ".join(_words(x)) for x in lines)))
            if text or and_label:
                label, self._label = self._label, ""
                self._put(kind, text if text.startswith(label) else label + text, level)

    def _close_inline(self, node: LexborNode, tag: str) -> None:
        """Mark what a link or a raised part holds, now that all of it is there."""
        start = min(self._starts.pop(), len(self._inline))
        words = "".join(self._inline[start:])
        earlier = islice(reversed(self._inline), len(self._inline) - start, None)
        before = next((piece[-1] for piece in earlier if piece), "")
        if words.strip() and is_note_mark(node, words, before):
            self._inline[start:] = [noted(words.strip())]
        elif tag == "a":
            target, left_out = link_target(node.attributes.get("href") or "", words)
            self._inline.append(target)
            self._losses[LINKS] += left_out
        elif words.strip():
            self._inline[start:] = [_MARKS[tag](words)]

    def _write_table(self, table: LexborNode) -> None:
        """A line per row, in which each value carries its column's name."""
        caption = table.css_first("caption")
        if caption is not None:
            self._put("paragraph", self._cell_text(caption), 0)
        for part in tables(table, self._cell_text):
            for line in TableLines().lines(part.rows, part.header_rows, keyed=part.keyed):
                self._put("table", line, 0)

    def _cell_text(self, cell: LexborNode) -> str:
        """All of a cell in one line: items of a list and rows of a table parted by commas."""
        parts: list[tuple[BlockKind, str]] = []
        inner = _Walk(
            lambda kind, text, _: parts.append((kind, text)),
            self._losses,
            self._opened,
            self._left_out,
        )
        inner.run(cell)
        text = ""
        for kind, part in parts:
            text += (", " if kind in ("list", "table") and text else " ") + part.strip()
        return one_line(text) or spoken_text(cell)


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


def _words(line: str) -> list[str]:
    # Only ASCII blanks: a no-break space is part of the text.
    return [word for word in _BLANKS.split(line) if word]
