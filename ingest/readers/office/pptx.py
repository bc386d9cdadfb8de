"""PowerPoint presentations, read from their XML: a page per slide, its title first as a heading.

Read without python-pptx, which opens archives and XML unchecked and leaves out SmartArt and the
stored values of charts. Speaker notes stand below their slide, behind "Notes:"; comments and
automatic slide numbers and dates are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import BinaryIO

from ingest.readers.office.drawings import alternative_text, drawing_texts
from ingest.readers.office.hyperlinks import linked_part, optional_linked_part
from ingest.readers.office.package import Package
from ingest.readers.office.xml_parts import PARSER, Element, local_name
from ingest.readers.pages import COMMENTS, EMBEDDED, PICTURES, PageWriter, enumerated
from ingest.readers.raised_text import lowered, raised
from ingest.readers.table_rows import Cell, one_line
from ingest.types import Extraction, ReadOptions

_KIND = "a PowerPoint presentation"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_R_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_TITLES = ("title", "ctrTitle")
_MARGINS = ("sldNum", "dt", "hdr", "ftr")
_WIDEST = 1000


def read_pptx(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The slides in the order in which they are shown.

    Raises:
        UnreadableFile: no text, too long, damaged, locked, or not a presentation.
    """
    package = Package(source)
    pages = PageWriter(options)
    hidden = []
    for number, name in enumerate(_slides(package), start=1):
        if number > 1:
            pages.turn_page()
        slide = linked_part(package, name, pages.losses)
        if slide.get("show", "1") in ("0", "false"):
            hidden.append(str(number))
        _Slide(package, name, pages).write(slide)
    flagged = [f"Hidden slides were read, too: {enumerated(hidden)}."] if hidden else []
    return pages.extraction(f"kb pptx 1 on {PARSER}", "presentation", flagged)


def _slides(package: Package) -> list[str]:
    main = package.main_part(_KIND)
    relations = package.relations(main)
    wanted = [entry.get(_R_ID) for entry in package.xml(main).iter(f"{_P}sldId")]
    return [relations[identifier].target for identifier in wanted if identifier in relations]


class _Slide:
    """One slide and its notes."""

    def __init__(self, package: Package, name: str, pages: PageWriter) -> None:
        self._package = package
        self._pages = pages
        self._relations = package.relations(name)
        self._texts = drawing_texts(package, self._relations)

    def write(self, slide: Element) -> None:
        shapes = list(_shapes(slide.find(f"{_P}cSld/{_P}spTree")))
        titles = [shape for shape in shapes if _placeholder(shape) in _TITLES]
        for title in titles:
            text = one_line(" ".join(text for text, _ in _paragraphs(title)))
            self._pages.put("heading", text, 1)
        for shape in shapes:
            if shape not in titles:
                self._shape(shape)
        self._notes()

    def _shape(self, shape: Element) -> None:
        kind = local_name(shape)
        if kind == "graphicFrame":
            self._frame(shape)
        elif kind == "pic":
            self._pages.losses[PICTURES] += 1
            self._pages.put("paragraph", alternative_text(next(shape.iter(f"{_P}cNvPr"), None)))
        elif kind in ("sp", "cxnSp"):
            is_body = _placeholder(shape) in ("body", "obj", "")
            paragraphs = list(_paragraphs(shape))
            for text, listed in paragraphs:
                several = is_body and len(paragraphs) > 1
                self._pages.put("list" if listed or several else "paragraph", text)

    def _frame(self, frame: Element) -> None:
        for table in frame.iter(f"{_A}tbl"):
            marked = table.find(f"{_A}tblPr")
            first = marked.get("firstRow") if marked is not None else None
            self._pages.table(_rows(table), 1 if first in ("1", "true") and _plain(table) else None)
        for element in frame.iter("{*}chart", "{*}relIds"):
            for value in element.attrib.values():
                self._pages.put("paragraph", self._texts.get(value, ""))
        if next(frame.iter(f"{_P}oleObj"), None) is not None:
            self._pages.losses[EMBEDDED] += 1

    def _notes(self) -> None:
        for relation in self._relations.values():
            if relation.kind == "comments":
                comments = self._package.optional_xml(relation.target)
                found = comments.iter("{*}cm") if comments is not None else ()
                self._pages.losses[COMMENTS] += sum(1 for _ in found)
            if relation.kind != "notesSlide":
                continue
            notes = optional_linked_part(self._package, relation.target, self._pages.losses)
            tree = notes.find(f"{_P}cSld/{_P}spTree") if notes is not None else None
            bodies = (shape for shape in _shapes(tree) if _placeholder(shape) == "body")
            text = "\n".join(text for body in bodies for text, _ in _paragraphs(body))
            if text.strip():
                self._pages.put("paragraph", f"Notes: {text}")


def _shapes(tree: Element | None) -> Iterator[Element]:
    """All shapes in the order of the file, which is the order of reading aloud, groups opened."""
    for shape in tree if tree is not None else ():
        name = local_name(shape)
        if name == "grpSp":
            yield from _shapes(shape)
        elif name == "AlternateContent":
            yield from _shapes(next(iter(shape), None))
        elif name in ("sp", "graphicFrame", "pic", "cxnSp"):
            yield shape


def _placeholder(shape: Element) -> str | None:
    """The kind of a placeholder, "" for a plain one, None for a shape that is none."""
    found = next(shape.iter(f"{_P}ph"), None)
    return found.get("type", "") if found is not None else None


def _paragraphs(shape: Element) -> Iterator[tuple[str, bool]]:
    """The text of each paragraph, and whether it is an item of a list."""
    without_fields = _placeholder(shape) in _MARGINS
    for paragraph in shape.iter(f"{_A}p"):
        text = _text(paragraph, without_fields).strip()
        if text:
            properties = paragraph.find(f"{_A}pPr")
            yield text, properties is not None and _is_item(properties)


def _is_item(properties: Element) -> bool:
    marked = any(local_name(child) in ("buChar", "buAutoNum", "buBlip") for child in properties)
    return marked or properties.get("lvl", "0") != "0"


def _text(paragraph: Element, without_fields: bool) -> str:
    """A paragraph's text; the program fills in fields such as the number of the slide."""
    parts = []
    for element in paragraph.iter():
        name = local_name(element)
        if name == "t" and not (without_fields and local_name(element.getparent()) == "fld"):
            parts.append(_run_text(element))
        elif name == "br":
            parts.append("\n")
    return "".join(parts)


def _run_text(text: Element) -> str:
    properties = text.getparent().find(f"{_A}rPr")
    baseline = properties.get("baseline", "0") if properties is not None else "0"
    if baseline.rstrip("%0") in ("", "0."):
        return text.text or ""
    return (lowered if baseline.startswith("-") else raised)(text.text or "")


def _plain(table: Element) -> bool:
    """Whether no cell of the first row is merged, so that this row alone is the header."""
    first = table.find(f"{_A}tr")
    return first is not None and not any(
        cell.get("gridSpan") or cell.get("rowSpan") for cell in first
    )


def _rows(table: Element) -> Iterable[list[Cell]]:
    above: Mapping[int, str] = {}
    for row in table.iter(f"{_A}tr"):
        line = []
        for column, cell in enumerate(row.iterfind(f"{_A}tc")):
            if cell.get("hMerge") in ("1", "true"):
                continue
            continued = cell.get("vMerge") in ("1", "true")
            own = one_line(" ".join(text for text, _ in _paragraphs(cell)))
            span = cell.get("gridSpan", "1")
            width = min(int(span), _WIDEST) if span.isdecimal() else 1
            line.append(Cell(column, above.get(column, "") if continued else own, width, continued))
        above = {cell.column: cell.text for cell in line}
        yield line
