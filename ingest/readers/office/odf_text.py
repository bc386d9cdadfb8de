"""Paragraphs and tables of OpenDocument: what a person sees of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ingest.readers.link_targets import link_target
from ingest.readers.office.xml_parts import Element, local_name
from ingest.readers.raised_text import lowered, noted, raised, resolved
from ingest.readers.table_rows import Cell, one_line

TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_HREF = "{http://www.w3.org/1999/xlink}href"
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"

_WIDEST = 16_384
_MOST_REPEATS = 1000
"""A stored repeat of a filled cell or row beyond this is an attack, not a table."""
_MOST_BLANKS = 1000
_SKIPPED_WORDS = """
    annotation annotation-end tracked-changes change change-start change-end title desc hidden-
    text hidden-paragraph script page-number page-count ruby-text
    """
_SKIPPED = frozenset(_SKIPPED_WORDS.split())
_FRAME_WORDS = """
    frame text-box custom-shape rect ellipse g line connector polygon path caption
    """
_FRAMES = frozenset(_FRAME_WORDS.split())
_GROUP_WORDS = """
    table-header-rows table-rows table-row-group
    """
_GROUPS = frozenset(_GROUP_WORDS.split())


@dataclass(slots=True)
class OdfParagraph:
    """A paragraph's text, in as many parts as pages it stands on, with its notes and frames."""

    parts: list[list[str]] = field(default_factory=lambda: [[]])
    notes: list[str] = field(default_factory=list)
    frames: list[Element] = field(default_factory=list)

    def text(self) -> str:
        """The whole text, page breaks ignored."""
        return "".join("".join(part) for part in self.parts)


def inline_text(paragraph: Element) -> OdfParagraph:
    """The text of a paragraph."""
    inline = OdfParagraph()
    _add(paragraph, inline)
    return inline


def mark_positions(content: Element, styles: Element | None) -> int:
    """Mark text that stands raised or lowered, and take out what is struck out.

    Returns:
        How many characters were struck out.
    """
    marks = {}
    for root in (styles, content):
        for style in root.iter(f"{_STYLE}style") if root is not None else ():
            properties = style.find(f"{_STYLE}text-properties")
            if properties is not None:
                marks[style.get(f"{_STYLE}name", "")] = _position(properties)
    struck = 0
    for span in list(content.iter(f"{TEXT}span")):
        mark = marks.get(span.get(f"{TEXT}style-name", ""), "")
        if mark == "struck":
            struck += sum(map(len, span.itertext()))
            for child in list(span):
                span.remove(child)
            span.text = ""
        elif mark and len(span) == 0:
            span.text = (raised if mark == "super" else lowered)(span.text or "")
    return struck


def write_link_targets(content: Element) -> int:
    """Write where links lead behind their words; returns how many targets are left out."""
    left_out = 0
    for link in content.iter(f"{TEXT}a"):
        target, count = link_target(link.get(_HREF, ""), "".join(link.itertext()))
        link.tail = f"{target}{link.tail or ''}"
        left_out += count
    return left_out


def hidden_rows(content: Element) -> int:
    """How many rows of sheets that hold something are hidden or filtered away."""
    rows = content.iter(f"{TABLE}table-row")
    hidden = (row for row in rows if row.get(f"{TABLE}visibility", "visible") != "visible")
    return sum(any(text.strip() for text in row.itertext()) for row in hidden)


def _position(properties: Element) -> str:
    if properties.get(f"{_STYLE}text-line-through-style", "none") != "none":
        return "struck"
    position = str(properties.get(f"{_STYLE}text-position", "")).split(" ")[0]
    if position in ("super", "sub"):
        return position
    is_share = position.endswith("%") and position[:-1].lstrip("-").isdecimal()
    share = int(position[:-1]) if is_share else 0
    return "super" if share > 0 else "sub" if share < 0 else ""


def paragraphs_text(parent: Element) -> str:
    """All paragraphs under an element as one line, those of tables in it left out."""
    parts = []
    for child in parent:
        name = local_name(child)
        if name in ("p", "h"):
            inline = inline_text(child)
            parts += [inline.text(), *map(paragraphs_text, inline.frames)]
        elif name not in ("table", "annotation", "tracked-changes"):
            parts.append(paragraphs_text(child))
    return one_line(" ".join(parts))


def header_row_count(table: Element) -> int | None:
    """How many rows are marked as a header; None if none is."""
    return len(table.findall(f"{TABLE}table-header-rows/{TABLE}table-row")) or None


def grid(table: Element) -> Iterator[list[Cell]]:
    """The rows of a table from top to bottom, those that hold something."""
    return (line for _, line in numbered_rows(table))


def numbered_rows(table: Element) -> Iterator[tuple[int, list[Cell]]]:
    """The rows that hold something, with their numbers."""
    above: dict[int, tuple[str, int]] = {}
    number = 0
    for row in _rows(table):
        line = _line(row, above)
        repeats = _repeats(row, "number-rows-repeated")
        if any(cell.text for cell in line):
            yield from ((number + index, line) for index in range(repeats))
        number += repeats


def _add(parent: Element, inline: OdfParagraph) -> None:
    inline.parts[-1].append(parent.text or "")
    for child in parent:
        name = local_name(child)
        if name == "s":
            count = child.get(f"{TEXT}c", "1")
            blanks = int(count) if count.isdecimal() and len(count) < 9 else 1
            inline.parts[-1].append(" " * min(blanks, _MOST_BLANKS))
        elif name in ("tab", "line-break"):
            inline.parts[-1].append("\t" if name == "tab" else "\n")
        elif name == "soft-page-break":
            inline.parts.append([])
        elif name == "note":
            _note(child, inline)
        elif name in _FRAMES:
            inline.frames.append(child)
        elif name not in _SKIPPED:
            _add(child, inline)
        inline.parts[-1].append(child.tail or "")


def _note(note: Element, inline: OdfParagraph) -> None:
    citation = note.find(f"{TEXT}note-citation")
    body = note.find(f"{TEXT}note-body")
    mark = resolved(inline_text(citation).text()) if citation is not None else ""
    label = f"[{mark.strip('[]')}]"
    inline.parts[-1].append(noted(mark))
    text = paragraphs_text(body) if body is not None else ""
    if text:
        inline.notes.append(f"{label} {text}")


def _rows(parent: Element) -> Iterator[Element]:
    for child in parent:
        name = local_name(child)
        if name == "table-row":
            yield child
        elif name in _GROUPS:
            yield from _rows(child)


def _line(row: Element, above: dict[int, tuple[str, int]]) -> list[Cell]:
    """The cells of a row; `above` holds the merged cells that reach into the rows below."""
    line: list[Cell] = []
    column = 0
    for cell in row:
        repeats = _repeats(cell, "number-columns-repeated", _WIDEST)
        if local_name(cell) == "covered-table-cell":
            text, left = above.get(column, ("", 0))
            if left:
                above[column] = (text, left - 1)
                line.append(Cell(column, text, continued=True))
        elif local_name(cell) == "table-cell" and (text := cell_text(cell)):
            width = _repeats(cell, "number-columns-spanned", _WIDEST)
            height = _repeats(cell, "number-rows-spanned", 1_048_576)
            above[column] = (text, height - 1)
            copies = min(repeats, _MOST_REPEATS)
            line += [Cell(column + copy, text, width) for copy in range(copies)]
        column += repeats
        if column >= _WIDEST:
            break
    return line


def cell_text(cell: Element) -> str:
    """What a cell shows; a date in ISO form."""
    kind = cell.get(f"{OFFICE}value-type", "")
    if kind == "date":
        date = str(cell.get(f"{OFFICE}date-value", ""))
        return date.removesuffix("T00:00:00").replace("T", " ")
    text = paragraphs_text(cell) or str(cell.get(f"{OFFICE}value", ""))
    note = cell.find(f"{OFFICE}annotation")
    return text if note is None else f"{text} [Note: {paragraphs_text(note)}]".lstrip()


def _repeats(element: Element, name: str, most: int = _MOST_REPEATS) -> int:
    value = element.get(f"{TABLE}{name}", "1")
    return max(1, min(int(value), most)) if value.isdecimal() and len(value) < 10 else 1
