"""PDFs whose tables, headings and columns are known, because they are made here, by ReportLab.

Two sets with other seeds and other styles: rules of the reader are tuned on `tuned` only.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4, LETTER, landscape
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Spacer, Table

Row = tuple[tuple[str, str], ...]
"""Name of the column and value, of each cell that holds anything."""

_WORDS = {
    "en": [
        "pump",
        "valve",
        "filter",
        "sensor",
        "cable",
        "panel",
        "bracket",
        "motor",
        "bearing",
        "gasket",
        "housing",
        "relay",
        "switch",
        "hose",
        "clamp",
        "gauge",
        "spindle",
        "rotor",
        "flange",
        "coupling",
    ],
    "de": [
        "Pumpe",
        "Ventil",
        "Filter",
        "Kabel",
        "Gehäuse",
        "Lager",
        "Dichtung",
        "Schalter",
        "Schlauch",
        "Welle",
        "Träger",
        "Motor",
        "Rahmen",
        "Deckel",
        "Schraube",
        "Feder",
        "Riemen",
        "Düse",
        "Kolben",
        "Zylinder",
    ],
    "es": [
        "bomba",
        "válvula",
        "filtro",
        "cable",
        "motor",
        "cojinete",
        "junta",
        "carcasa",
        "relé",
        "manguera",
        "abrazadera",
        "eje",
        "tornillo",
        "resorte",
        "correa",
        "boquilla",
        "pistón",
        "cilindro",
        "tapa",
        "marco",
    ],
    "zh": [
        "水泵",
        "阀门",
        "过滤器",
        "传感器",
        "电缆",
        "支架",
        "电机",
        "轴承",
        "垫圈",
        "外壳",
        "继电器",
        "开关",
        "软管",
        "夹具",
        "仪表",
    ],
}
_NAMES = {
    "en": [
        "Item",
        "Depot",
        "Boxes",
        "Price",
        "Weight",
        "Colour",
        "Supplier",
        "Delivery",
        "Grade",
        "Shelf",
    ],
    "de": [
        "Artikel",
        "Lager",
        "Menge",
        "Preis",
        "Gewicht",
        "Farbe",
        "Hersteller",
        "Termin",
        "Klasse",
        "Fach",
    ],
    "es": [
        "Artículo",
        "Almacén",
        "Cantidad",
        "Precio",
        "Peso",
        "Color",
        "Proveedor",
        "Entrega",
        "Clase",
        "Estante",
    ],
    "zh": ["名称", "仓库", "数量", "单价", "重量", "颜色", "供应商", "交货期", "等级", "货架"],
}
_FILLERS = {
    "en": [
        "the",
        "crew",
        "checks",
        "every",
        "before",
        "after",
        "with",
        "under",
        "of",
        "a",
        "and",
        "was",
        "is",
        "new",
        "old",
        "near",
    ],
    "de": [
        "die",
        "Gruppe",
        "prüft",
        "jede",
        "vor",
        "nach",
        "mit",
        "unter",
        "von",
        "eine",
        "und",
        "war",
        "ist",
        "neue",
        "alte",
        "nahe",
    ],
    "es": [
        "el",
        "grupo",
        "revisa",
        "cada",
        "antes",
        "tras",
        "con",
        "bajo",
        "de",
        "un",
        "y",
        "fue",
        "es",
        "nuevo",
        "viejo",
        "junto",
    ],
}


@dataclass(slots=True)
class Made:
    """A document and what it holds."""

    kind: str
    data: bytes
    rows: list[Row] = field(default_factory=list)
    headings: list[tuple[int, str]] = field(default_factory=list)
    text: str = ""


@dataclass(frozen=True, slots=True)
class Style:
    """How the documents of one set look."""

    fonts: tuple[tuple[str, str], ...]
    languages: tuple[str, ...]
    pages: tuple[tuple[float, float], ...]
    sizes: tuple[float, ...]
    unruled: tuple[str, ...]
    headings: tuple[str, ...]


TUNED = Style(
    (("Helvetica", "Helvetica-Bold"), ("Times-Roman", "Times-Bold")),
    ("en", "de", "zh"),
    (A4, LETTER),
    (9, 10, 11),
    ("plain", "rules", "shaded"),
    ("size", "weight", "numbers", "outline"),
)
HELD_BACK = Style(
    (("Vera", "VeraBd"), ("Courier", "Courier-Bold"), ("Times-Roman", "Times-Bold")),
    ("en", "es", "zh"),
    (A4, landscape(A4), LETTER),
    (8, 9.5, 12),
    ("plain", "rules", "shaded", "underlined"),
    ("size", "weight", "numbers", "outline", "mixed"),
)
STYLES = {"tuned": TUNED, "held back": HELD_BACK}
_SEEDS = {"tuned": 1000, "held back": 77000}


def made(name: str, count: int) -> Iterator[Made]:
    """`count` documents of each kind in a set."""
    _register_fonts()
    for kind, make in _KINDS.items():
        for number in range(count):
            rng = random.Random(f"{_SEEDS[name]} {kind} {number}")
            yield make(_Maker(STYLES[name], rng), kind)


def _register_fonts() -> None:
    pdfmetrics.registerFont(TTFont("Vera", "Vera.ttf"))
    pdfmetrics.registerFont(TTFont("VeraBd", "VeraBd.ttf"))
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))


class _Maker:
    def __init__(self, style: Style, rng: random.Random) -> None:
        self.style, self.rng = style, rng
        self.language = rng.choice(style.languages)
        self.font, self.bold = rng.choice(style.fonts)
        if self.language == "zh":
            self.font = self.bold = "STSong-Light"
        self.page = rng.choice(style.pages)
        self.size = rng.choice(style.sizes)

    def word(self) -> str:
        return self.rng.choice(_WORDS[self.language])

    def sentence(self, least: int = 8, most: int = 16) -> str:
        fillers = _FILLERS.get(self.language)
        count = self.rng.randint(least, most)
        if fillers is None:
            return (
                "，".join("".join(self.word() for _ in range(3)) for _ in range(count // 3)) + "。"
            )
        words = [self.rng.choice((self.word().lower(), *fillers)) for _ in range(count)]
        return " ".join(words).capitalize() + "."

    def title(self) -> str:
        if self.language == "zh":
            return "".join(self.word() for _ in range(self.rng.randint(2, 3)))
        return " ".join(self.word().capitalize() for _ in range(self.rng.randint(2, 4)))

    def phrase(self, row: int) -> str:
        fillers = _FILLERS.get(self.language)
        if fillers is None:
            return f"{''.join(self.word() for _ in range(self.rng.randint(1, 4)))}{row + 1}"
        words = [self.word(), *(self.rng.choice(fillers) for _ in range(self.rng.randint(0, 3)))]
        return " ".join([*words, f"{self.word()} {row + 1}"]).capitalize()

    def value(self, column: int, row: int) -> str:
        rng = self.rng
        number = rng.randint(10, 9999)
        kinds: Sequence[str] = (
            f"{self.word().capitalize()} {rng.choice('ABCDEFGH')}{row + 1}",
            rng.choice(("Graz", "Lyon", "Turin", "Bergen", "Leeds", "Malmö")),
            str(number),
            f"{number / 100:.2f}",
            f"{number / 10:.1f} kg",
            self.word(),
            f"{self.word().capitalize()} {rng.choice(('Ltd', 'GmbH', 'S.A.'))}",
            f"2026-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
            rng.choice("ABC"),
            f"{rng.choice('RST')}{rng.randint(1, 40)}",
        )
        return kinds[column]

    def grid(self, least_rows: int, most_rows: int) -> tuple[list[str], list[list[str]]]:
        count = self.rng.randint(3, 7)
        chosen = [0, *sorted(self.rng.sample(range(1, 10), count - 1))]
        names = [_NAMES[self.language][column] for column in chosen]
        rows = self.rng.randint(least_rows, most_rows)
        body = [[self.value(column, row) for column in chosen] for row in range(rows)]
        for _ in range(rows // 4):
            body[self.rng.randrange(rows)][self.rng.randrange(1, count)] = ""
        return names, body

    def paragraph(self, text: str, size: float | None = None, bold: bool = False) -> Paragraph:
        size = size or self.size
        name = self.bold if bold else self.font
        wrap = "CJK" if self.language == "zh" else None
        style = ParagraphStyle("p", fontName=name, fontSize=size, leading=1.2 * size, wordWrap=wrap)
        return Paragraph(text, style)

    def build(self, story: Sequence[Any], furniture: Callable[..., None] | None = None) -> bytes:
        out = BytesIO()
        document = SimpleDocTemplate(out, pagesize=self.page, leftMargin=54, rightMargin=54)
        draw = furniture or (lambda _canvas, _document: None)
        document.build(list(story), onFirstPage=draw, onLaterPages=draw)
        return out.getvalue()

    def around(self, table: Any) -> list[Any]:
        before = self.paragraph(" ".join(self.sentence() for _ in range(3)))
        after = self.paragraph(" ".join(self.sentence() for _ in range(2)))
        return [before, Spacer(1, 10), table, Spacer(1, 10), after]

    def look(self, ruling: str, rows: int) -> list[tuple[Any, ...]]:
        padding = self.rng.choice((2, 3, 5))
        look: list[tuple[Any, ...]] = [
            ("FONT", (0, 0), (-1, -1), self.font, self.size, 1.2 * self.size),
            ("LEFTPADDING", (0, 0), (-1, -1), max(padding, 4)),
            ("RIGHTPADDING", (0, 0), (-1, -1), max(padding, 4)),
            ("TOPPADDING", (0, 0), (-1, -1), padding),
            ("BOTTOMPADDING", (0, 0), (-1, -1), padding),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("ALIGN", (2, 0), (-1, -1), self.rng.choice(("LEFT", "RIGHT", "CENTER"))),
        ]
        if self.rng.random() < 0.7:
            look.append(("FONT", (0, 0), (-1, 0), self.bold, self.size, 1.2 * self.size))
        if ruling == "grid":
            look.append(("GRID", (0, 0), (-1, -1), self.rng.choice((0.3, 0.5, 1)), colors.black))
            if self.rng.random() < 0.5:
                look.append(("BACKGROUND", (0, 0), (-1, 0), colors.lightgrey))
        elif ruling == "columns":
            look.append(("BOX", (0, 0), (-1, -1), 0.5, colors.black))
            look.append(("LINEBEFORE", (1, 0), (-1, -1), 0.5, colors.black))
            look.append(("LINEBELOW", (0, 0), (-1, 0), 0.5, colors.black))
        elif ruling == "rules":
            for row in (0, 1):
                look.append(("LINEABOVE", (0, row), (-1, row), 0.6, colors.black))
            look.append(("LINEBELOW", (0, -1), (-1, -1), 0.6, colors.black))
        elif ruling == "shaded":
            shades = [colors.white, colors.whitesmoke]
            look.append(("ROWBACKGROUNDS", (0, 1), (-1, -1), shades))
        elif ruling == "underlined":
            look.append(("LINEBELOW", (0, 0), (-1, -1), 0.3, colors.grey))
        return look

    def widths(self, names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[float]:
        """Widths that hold every cell, and more where the page has room."""
        needed = [
            max(pdfmetrics.stringWidth(row[n], self.bold, self.size) for row in (names, *rows)) + 14
            for n in range(len(names))
        ]
        room = self.page[0] - 112 - sum(needed)
        spread = max(0.0, min(room, 160.0)) * self.rng.random() / len(needed)
        return [width + spread for width in needed]


def _named(names: Sequence[str], body: Sequence[Sequence[str]]) -> list[Row]:
    return [
        tuple((name, value) for name, value in zip(names, row, strict=True) if value)
        for row in body
    ]


def _table(maker: _Maker, kind: str, ruling: str, rows: tuple[int, int], repeat: int = 1) -> Made:
    names, body = maker.grid(*rows)
    widths = maker.widths(names, body)
    while sum(widths) > maker.page[0] - 112:
        names, body, widths = names[:-1], [row[:-1] for row in body], widths[:-1]
    table = Table([names, *body], widths, repeatRows=repeat, style=maker.look(ruling, len(body)))
    return Made(kind, maker.build(maker.around(table)), _named(names, body))


def ruled(maker: _Maker, kind: str) -> Made:
    """All cells drawn."""
    return _table(maker, kind, "grid", (3, 14))


def ruled_pages(maker: _Maker, kind: str) -> Made:
    """All cells drawn, over several pages, the header on each of them or on the first."""
    return _table(maker, kind, "grid", (60, 110), maker.rng.choice((0, 1)))


def ruled_wrapped(maker: _Maker, kind: str) -> Made:
    """All cells drawn, with sentences in the last column."""
    names, body = maker.grid(3, 8)
    names, body = names[:3], [row[:3] for row in body]
    name = {"en": "Remark", "de": "Hinweis", "es": "Nota", "zh": "备注"}[maker.language]
    remarks = [maker.sentence(8, 20) for _ in body]
    table = Table(
        [[*names, name], *([*r, maker.paragraph(s)] for r, s in zip(body, remarks, strict=True))],
        [*maker.widths(names, body), 150],
        style=maker.look("grid", len(body)),
    )
    full = [[*row, remark] for row, remark in zip(body, remarks, strict=True)]
    return Made(kind, maker.build(maker.around(table)), _named([*names, name], full))


def ruled_merged(maker: _Maker, kind: str) -> Made:
    """All cells drawn; cells merged over rows, and names above several columns."""
    names = _NAMES[maker.language]
    top = [names[0], names[1], names[2], "", names[3], ""]
    below = ["", "", "2025", "2026", "2025", "2026"]
    flat = [names[0], names[1], *(f"{names[n]} / {y}" for n in (2, 3) for y in (2025, 2026))]
    body, rows, spans = [], [], []
    for group in range(maker.rng.randint(2, 4)):
        first, size = maker.value(0, group), maker.rng.randint(1, 3)
        for number in range(size):
            values = [str(maker.rng.randint(10, 999)) for _ in range(4)]
            place = f"{maker.value(1, number)} {number + 1}"
            body.append(["" if number else first, place, *values])
            rows.append([first, place, *values])
        spans.append(("SPAN", (0, len(body) - size + 2), (0, len(body) + 1)))
    spans += [("SPAN", (n, 0), (n, 1)) for n in (0, 1)]
    spans += [("SPAN", (n, 0), (n + 1, 0)) for n in (2, 4)]
    table = Table(
        [top, below, *body],
        [*maker.widths(flat[:2], [row[:2] for row in rows]), 50, 50, 50, 50],
        style=[*maker.look("grid", len(body)), *spans],
    )
    return Made(kind, maker.build(maker.around(table)), _named(flat, rows))


def ruled_columns(maker: _Maker, kind: str) -> Made:
    """Lines between columns and below the header, none between rows."""
    return _table(maker, kind, "columns", (3, 14))


def unruled(maker: _Maker, kind: str) -> Made:
    """No cell drawn: nothing, three rules, or shaded rows."""
    return _table(maker, kind, maker.rng.choice(maker.style.unruled), (3, 14))


def unruled_words(maker: _Maker, kind: str) -> Made:
    """No cell drawn, cells of several words, two or three columns."""
    count, rows = maker.rng.choice((2, 2, 3)), maker.rng.randint(4, 9)
    names = maker.rng.sample(_NAMES[maker.language], count)
    body = [[maker.phrase(row) for _ in range(count)] for row in range(rows)]
    look = maker.look(maker.rng.choice(maker.style.unruled), rows)
    table = Table([names, *body], maker.widths(names, body), style=look)
    return Made(kind, maker.build(maker.around(table)), _named(names, body))


def unruled_pages(maker: _Maker, kind: str) -> Made:
    """No cell drawn, over several pages, the header on each."""
    return _table(maker, kind, maker.rng.choice(maker.style.unruled), (60, 100))


def unruled_wrapped(maker: _Maker, kind: str) -> Made:
    """No cell drawn, with sentences of several lines in the last column."""
    names, body = maker.grid(3, 8)
    names, body = names[:3], [row[:3] for row in body]
    name = {"en": "Remark", "de": "Hinweis", "es": "Nota", "zh": "备注"}[maker.language]
    remarks = [maker.sentence(8, 16) for _ in body]
    look = maker.look(maker.rng.choice(maker.style.unruled), len(body))
    look.append(("TOPPADDING", (0, 0), (-1, -1), 5))
    table = Table(
        [[*names, name], *([*r, maker.paragraph(s)] for r, s in zip(body, remarks, strict=True))],
        [*maker.widths(names, body), 150],
        style=look,
    )
    full = [[*row, remark] for row, remark in zip(body, remarks, strict=True)]
    return Made(kind, maker.build(maker.around(table)), _named([*names, name], full))


def headed(maker: _Maker, kind: str) -> Made:
    """Chapters and sections told by size, weight, numbers or outline; running heads and feet."""
    by = maker.rng.choice(maker.style.headings)
    if maker.language == "zh" and by == "weight":
        by = "size"
    found: list[tuple[int, str]] = []
    story: list[Any] = []
    outline: list[tuple[int, str]] = []

    def add(level: int, text: str) -> None:
        large = {"size": (6, 3, 1.5), "mixed": (5, 2.5, 0)}.get(by, (0, 0, 0))[level - 1]
        bold = by == "weight" or (by == "mixed" and level > 1)
        found.append((level, text))
        outline.append((level, text))
        story.extend((Spacer(1, 8), maker.paragraph(text, maker.size + large, bold), Spacer(1, 4)))

    for chapter in range(1, maker.rng.randint(3, 5)):
        numbered = by in ("numbers", "mixed", "weight")
        add(1, f"{chapter} {maker.title()}" if numbered else maker.title())
        story.append(maker.paragraph(" ".join(maker.sentence() for _ in range(6))))
        for section in range(1, maker.rng.randint(2, 4)):
            add(2, f"{chapter}.{section} {maker.title()}" if numbered else maker.title())
            for _ in range(maker.rng.randint(1, 3)):
                story.append(maker.paragraph(" ".join(maker.sentence() for _ in range(9))))
                story.append(Spacer(1, 6))
    head = maker.title()

    def furniture(canvas: Canvas, document: Any) -> None:
        canvas.setFont(maker.font, maker.size - 1)
        canvas.drawString(54, maker.page[1] - 40, head)
        canvas.drawRightString(maker.page[0] - 54, 36, f"{document.page}")

    if by == "outline":
        story = _with_bookmarks(story, outline)
    return Made(kind, maker.build(story, furniture), headings=found)


def _with_bookmarks(story: Sequence[Any], outline: Sequence[tuple[int, str]]) -> list[Any]:
    from reportlab.platypus.flowables import Flowable

    class Bookmark(Flowable):  # type: ignore[misc]
        def __init__(self, level: int, text: str) -> None:
            super().__init__()
            self.level, self.text = level, text
            self.width = self.height = 0

        def draw(self) -> None:
            key = f"{self.level} {self.text}"
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(self.text, key, self.level - 1)

    waiting = list(outline)
    marked: list[Any] = []
    for flowable in story:
        if waiting and isinstance(flowable, Paragraph) and flowable.text == waiting[0][1]:
            marked.append(Bookmark(*waiting.pop(0)))
        marked.append(flowable)
    return marked


def columns(maker: _Maker, kind: str) -> Made:
    """Two or three columns of prose under a title, the content line by line or by column."""
    out = BytesIO()
    canvas = Canvas(out, pagesize=maker.page)
    count = maker.rng.choice((2, 2, 3))
    gutter, left = maker.rng.choice((14, 20, 30)), 54.0
    width = (maker.page[0] - 2 * left - (count - 1) * gutter) / count
    title, head = maker.title(), f"{maker.title()} 2026"
    canvas.setFont(maker.font, maker.size)
    canvas.drawRightString(maker.page[0] - left, maker.page[1] - 36, head)
    canvas.setFont(maker.bold, maker.size + 6)
    canvas.drawString(left, maker.page[1] - 70, title)
    canvas.setFont(maker.font, maker.size)
    lines = [_wrapped(maker, width) for _ in range(count)]
    texts = []
    for column, number in _order(lines, maker.rng.random() < 0.5):
        x = left + column * (width + gutter)
        y = maker.page[1] - 110 - number * 1.2 * maker.size
        canvas.drawString(x, y, lines[column][number])
    for column in lines:
        texts.extend(column)
    canvas.save()
    return Made(kind, out.getvalue(), text="\n".join([head, title, *texts]))


def _wrapped(maker: _Maker, width: float) -> list[str]:
    blank = "" if maker.language == "zh" else " "
    text = blank.join(maker.sentence() for _ in range(40))
    pieces = list(text) if maker.language == "zh" else text.split(" ")
    lines, line = [], ""
    for piece in pieces:
        longer = f"{line}{blank}{piece}" if line else piece
        if pdfmetrics.stringWidth(longer, maker.font, maker.size) > width:
            lines.append(line)
            line = piece
        else:
            line = longer
    most = int((maker.page[1] - 180) / (1.2 * maker.size))
    return [line.strip() for line in lines[: min(most, maker.rng.randint(15, 45))] if line.strip()]


def _order(lines: Sequence[Sequence[str]], by_line: bool) -> Iterator[tuple[int, int]]:
    places = [(c, n) for c, column in enumerate(lines) for n in range(len(column))]
    return iter(sorted(places, key=lambda place: (place[1], place[0])) if by_line else places)


_KINDS: dict[str, Callable[[_Maker, str], Made]] = {
    "ruled": ruled,
    "ruled, several pages": ruled_pages,
    "ruled, long cells": ruled_wrapped,
    "ruled, merged cells": ruled_merged,
    "ruled, no lines between rows": ruled_columns,
    "unruled": unruled,
    "unruled, words only": unruled_words,
    "unruled, several pages": unruled_pages,
    "unruled, long cells": unruled_wrapped,
    "headings": headed,
    "columns": columns,
}
