"""The paragraphs and tables of a Word document: what a reader of the printed page sees, run by run.

Deleted and moved-away text is left out and counted, hidden text likewise; inserted text is kept.
Field codes and comments are never text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ingest.readers.office.docx_styles import Style, TextEffect, W, is_on, run_effect, value_of
from ingest.readers.office.drawings import alternative_text
from ingest.readers.office.symbol_fonts import drawn, symbol
from ingest.readers.office.xml_parts import Element, local_name
from ingest.readers.pages import DELETED, EMBEDDED, HIDDEN, PICTURES, STRUCK
from ingest.readers.raised_text import lowered, noted, raised
from ingest.readers.table_rows import Cell

_W_P = f"{W}p"
_W_T = f"{W}t"
_NOTES = {"footnoteReference": "footnote", "endnoteReference": "endnote"}
_SIGNS = {"tab": "\t", "cr": "\n", "noBreakHyphen": "\u2011", "ptab": "\t"}
GONE = ("del", "moveFrom")
"""Elements that hold what tracked changes deleted or moved away."""
_SKIPPED_WORDS = """
    rPr pPr instrText delText delInstrText annotationRef commentReference sdtPr sdtEndPr
    tcPr trPr tblPr softHyphen oMathParaPr ctrlPr rt
    """
_SKIPPED = frozenset(_SKIPPED_WORDS.split())
_DRAWN = frozenset(("drawing", "pict", "object"))
_LOST: dict[TextEffect, str] = {"hidden": HIDDEN, "struck": STRUCK}
_MATH_SIGNS = {"sup": "^", "sub": "_", "den": "/"}


@dataclass(slots=True)
class WordParagraph:
    """A paragraph's text, in as many parts as pages it stands on.

    `breaks` says for each part after the first whether Word's own layout put it on a new page
    (False) or a person did (True). `boxes` are text boxes that are anchored here, `notes` what is
    referred to as (kind, id).
    """

    parts: list[list[str]] = field(default_factory=lambda: [[]])
    breaks: list[bool] = field(default_factory=list)
    boxes: list[Element] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)

    def text(self) -> str:
        """The whole text, page breaks ignored."""
        return "".join("".join(part) for part in self.parts)

    def add(self, text: str) -> None:
        """Append to the current part."""
        self.parts[-1].append(text)

    def turn_page(self, explicit: bool) -> None:
        """Begin a new part on the next page."""
        self.breaks.append(explicit)
        self.parts.append([])


class ParagraphReader:
    """Reads paragraphs; what it leaves out is counted in `losses`."""

    def __init__(
        self, styles: dict[str, Style], losses: Counter[str], relations: dict[str, str]
    ) -> None:
        """`relations`: the text of charts and diagrams by the ids of their links."""
        self._styles = styles
        self._losses = losses
        self._relations = relations
        self._font = ""

    def read(self, paragraph: Element) -> WordParagraph:
        """The text of a paragraph."""
        inline = WordParagraph()
        style = self._styles.get(value_of(paragraph, "pPr/pStyle") or "")
        self._children(paragraph, inline, style.effect if style is not None else "shown")
        return inline

    def _children(self, parent: Element, inline: WordParagraph, effect: TextEffect) -> None:
        for child in parent:
            name = local_name(child)
            if name in _SKIPPED:
                continue
            if name in GONE:
                self._losses[DELETED] += deleted_length(child)
            elif name == "r":
                self._run(child, inline, effect)
            elif name == "AlternateContent":
                self._children(_chosen(child), inline, effect)
            elif name in _DRAWN:
                self._drawing(child, inline)
            elif not self._sign(name, child, inline, effect):
                self._children(child, inline, effect)

    def _run(self, run: Element, inline: WordParagraph, effect: TextEffect) -> None:
        properties = run.find(f"{W}rPr")
        style = self._styles.get(value_of(properties, "rStyle") or "")
        if style is not None and style.effect != "shown":
            effect = style.effect
        fonts = properties.find(f"{W}rFonts") if properties is not None else None
        self._font = fonts.get(f"{W}ascii", "") if fonts is not None else ""
        self._children(run, inline, run_effect(properties, effect))
        self._font = ""

    def _sign(self, name: str, element: Element, inline: WordParagraph, effect: TextEffect) -> bool:
        """Write what a single element stands for; False if it is only a wrapper of others."""
        if name == "t":
            self._text(element.text or "", inline, effect)
        elif name in _SIGNS:
            inline.add(_SIGNS[name])
        elif name == "br":
            if element.get(f"{W}type") == "page":
                inline.turn_page(explicit=True)
            else:
                inline.add("\n")
        elif name == "lastRenderedPageBreak":
            inline.turn_page(explicit=False)
        elif name in _NOTES:
            kind, identifier = _NOTES[name], element.get(f"{W}id", "")
            inline.notes.append((kind, identifier))
            inline.add(noted(identifier))
        elif name == "sym":
            self._text(
                symbol(element.get(f"{W}font", ""), element.get(f"{W}char", "")), inline, effect
            )
        elif name == "fldChar":
            inline.add(_legacy_field(element))
        elif name in _MATH_SIGNS:
            inline.add(_MATH_SIGNS[name])
            self._children(element, inline, effect)
        else:
            return False
        return True

    def _text(self, text: str, inline: WordParagraph, effect: TextEffect) -> None:
        text = drawn(self._font, text)
        if effect in _LOST:
            self._losses[_LOST[effect]] += len(text)
        elif effect == "shown":
            inline.add(text)
        else:
            inline.add(raised(text) if effect == "superscript" else lowered(text))

    def _drawing(self, drawing: Element, inline: WordParagraph) -> None:
        for element in drawing.iter():
            name = local_name(element)
            if name == "txbxContent" and not _is_within_box(element, drawing):
                inline.boxes.append(element)
            elif name in ("blip", "imagedata"):
                self._losses[PICTURES] += 1
                inline.add(alternative_text(next(drawing.iter("{*}docPr"), None)))
            elif name == "OLEObject":
                self._losses[EMBEDDED] += 1
            elif name in ("relIds", "chart"):
                for value in element.attrib.values():
                    if value in self._relations:
                        inline.add(f"\n{self._relations[value]}\n")


def deleted_length(element: Element) -> int:
    """How many characters a deletion holds."""
    return sum(len(text.text or "") for text in element.iter(f"{W}delText", _W_T))


def _chosen(alternatives: Element) -> Element:
    """The first of several forms of the same content: never two of them."""
    return next(iter(alternatives), alternatives)


def _is_within_box(element: Element, drawing: Element) -> bool:
    """Whether a box stands in another one (it is read with that) or in an alternative form."""
    for above in element.iterancestors():
        if above is drawing:
            return False
        name = local_name(above)
        if name in ("txbxContent", "Fallback"):
            return True
    return False


def _legacy_field(start: Element) -> str:
    """A check box or the chosen entry of a list, from the time before content controls."""
    box = start.find(f"{W}ffData/{W}checkBox")
    choice = start.find(f"{W}ffData/{W}ddList")
    if box is not None:
        checked = box.find(f"{W}checked")
        return "☒" if is_on(checked if checked is not None else box.find(f"{W}default")) else "☐"
    if choice is None:
        return ""
    entries = [entry.get(f"{W}val", "") for entry in choice.iterfind(f"{W}listEntry")]
    chosen = _number(value_of(choice, "result") or value_of(choice, "default"), 0)
    return entries[chosen] if chosen < len(entries) else ""


_LONGEST_CELL = 1000
"""A table with a longer cell lays out a page; its cells are read as text, not as data."""
_WIDEST = 1000


def is_layout(rows: Sequence[Element], styles: Mapping[str, Style]) -> bool:
    """Whether a table only arranges text: one column, headings in cells, or very long cells."""
    widest = max((len(row.findall(f".//{W}tc")) for row in rows), default=0)
    if widest <= 1:
        return True
    for row in rows:
        for cell in row.iter(f"{W}tc"):
            length = 0
            for element in cell.iter(f"{W}pStyle", f"{W}t"):
                style = styles.get(element.get(f"{W}val", ""))
                length += len(element.text or "")
                if length > _LONGEST_CELL or (style is not None and style.level):
                    return True
    return False


def header_rows(rows: Sequence[Element]) -> int | None:
    """How many rows are marked to repeat on every page; None if none is, or all are."""
    count = 0
    while count < len(rows) and is_on(rows[count].find(f"{W}trPr/{W}tblHeader")):
        count += 1
    return count if 0 < count < len(rows) else None


def grid(
    rows: Sequence[tuple[Element, Sequence[Element]]], texts: Mapping[Element, str]
) -> list[list[Cell]]:
    """The cells of each row in their columns; a merged cell repeats the text above it."""
    lines = []
    above: dict[int, str] = {}
    for row, elements in rows:
        column = _number(value_of(row, "trPr/gridBefore"), 0)
        line = []
        here: dict[int, str] = {}
        for element in elements:
            width = _number(value_of(element, "tcPr/gridSpan"), 1)
            merge = element.find(f"{W}tcPr/{W}vMerge")
            continued = merge is not None and merge.get(f"{W}val") != "restart"
            text = above.get(column, "") if continued else texts[element]
            line.append(Cell(column, text, width, continued))
            here[column] = text
            column += width
        above = here
        lines.append(line)
    return lines


def _number(value: str | None, default: int) -> int:
    return min(int(value), _WIDEST) if value is not None and value.isdecimal() else default
