"""PDFs drawn by hand: words at places, lines, form fields, notes and attached files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    TextStringObject,
)

FREE_TEXT, NOTE = "/FreeText", "/Text"


@dataclass(slots=True)
class Sheet:
    """A page under way; places are points from its lower left corner."""

    parts: list[str] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)

    def text(self, x: float, y: float, text: str, size: float = 11, *, bold: bool = False) -> Sheet:
        """Words on a baseline."""
        return self.line(x, y, (text, size, 0), bold=bold)

    def line(self, x: float, y: float, *pieces: tuple[str, float, float], bold: bool = False):
        """Pieces of one line: text, size, and how far it stands raised."""
        font = "F2" if bold else "F1"
        drawn = "".join(
            f"/{font} {size} Tf {rise} Ts ({_escaped(text)}) Tj " for text, size, rise in pieces
        )
        self.parts.append(f"BT 1 0 0 1 {x} {y} Tm {drawn}0 Ts ET")
        return self

    def han(self, x: float, y: float, text: str, *, down: bool = False) -> Sheet:
        """Chinese characters; `down`: in a font for columns."""
        code = text.encode("utf-16-be").hex()
        self.parts.append(f"BT /{'F4' if down else 'F3'} 14 Tf 1 0 0 1 {x} {y} Tm <{code}> Tj ET")
        return self

    def turned(self) -> Sheet:
        """All that stands on the page so far, turned to the left: the page is held sideways."""
        self.parts = ["q 0 1 -1 0 612 0 cm", *self.parts, "Q"]
        return self

    def rule(self, x0: float, y0: float, x1: float, y1: float) -> Sheet:
        """A drawn line."""
        self.parts.append(f"{x0} {y0} m {x1} {y1} l S")
        return self

    def grid(self, xs: Sequence[float], ys: Sequence[float]) -> Sheet:
        """All lines of a table."""
        for x in xs:
            self.rule(x, min(ys), x, max(ys))
        for y in ys:
            self.rule(min(xs), y, max(xs), y)
        return self

    def annotate(self, kind: str, box: tuple[float, float, float, float], **entries: Any) -> Sheet:
        """Something that lies on the page."""
        self.annotations.append({"Subtype": NameObject(kind), "Rect": box, **entries})
        return self


def drawn(
    sheets: Iterable[Sheet],
    *,
    files: Iterable[tuple[str, bytes]] = (),
    outline: Iterable[tuple[str, int]] = (),
) -> bytes:
    """The sheets as a PDF.

    Args:
        files: attached ones.
        outline: title and index of the page of each entry.
    """
    writer = PdfWriter()
    for sheet in sheets:
        page = writer.add_blank_page(612, 792)
        content = DecodedStreamObject()
        content.set_data("\n".join(sheet.parts).encode("cp1252"))
        page[NameObject("/Contents")] = writer._add_object(content)
        fonts = {"/F1": "/Helvetica", "/F2": "/Helvetica-Bold"}
        latin = {name[1:]: _font(base) for name, base in fonts.items()}
        page[NameObject("/Resources")] = _object(
            {"Font": {**latin, "F3": _han_font("H"), "F4": _han_font("V")}}
        )
        if sheet.annotations:
            listed = [writer._add_object(_object(one)) for one in sheet.annotations]
            page[NameObject("/Annots")] = ArrayObject(listed)
    for name, data in files:
        writer.add_attachment(name, data)
    for title, index in outline:
        writer.add_outline_item(title=title, page_number=index)
    out = BytesIO()
    writer.write(out)
    PdfReader(out)
    return out.getvalue()


def _font(base: str) -> dict[str, Any]:
    return {
        "Type": NameObject("/Font"),
        "Subtype": NameObject("/Type1"),
        "BaseFont": NameObject(base),
        "Encoding": NameObject("/WinAnsiEncoding"),
    }


def _han_font(direction: str) -> dict[str, Any]:
    """A Chinese font that is not in the file; "V" writes from top to bottom."""
    base = NameObject("/STSong-Light")
    system = {"Registry": "Adobe", "Ordering": "GB1", "Supplement": 4}
    described = {
        "Type": NameObject("/Font"),
        "Subtype": NameObject("/CIDFontType0"),
        "BaseFont": base,
        "CIDSystemInfo": system,
    }
    return {
        "Type": NameObject("/Font"),
        "Subtype": NameObject("/Type0"),
        "BaseFont": base,
        "Encoding": NameObject(f"/UniGB-UCS2-{direction}"),
        "DescendantFonts": (described,),
    }


def _object(value: Any) -> Any:
    if isinstance(value, dict):
        return DictionaryObject({NameObject(f"/{k}"): _object(v) for k, v in value.items()})
    if isinstance(value, (tuple, list)):
        return ArrayObject([_object(one) for one in value])
    if isinstance(value, NameObject):
        return value
    if isinstance(value, str):
        return TextStringObject(value)
    if isinstance(value, int):
        return NumberObject(value)
    return FloatObject(value)


def _escaped(line: str) -> str:
    for sign in "\\()":
        line = line.replace(sign, "\\" + sign)
    return line
