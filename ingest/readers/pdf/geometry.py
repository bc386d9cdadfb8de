"""Where the characters and the drawn lines of a PDF page stand, from PDFium.

Coordinates are points as the page is shown, x to the right and y down; only differences count.
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import hypot
from typing import NamedTuple

import pypdfium2
from pypdfium2 import raw

_MOST_CHARACTERS = 50_000
_MOST_OBJECTS = 20_000
_MOST_SEGMENTS = 2_000
_MOST_EDGES = 4_000
"""On one page; beyond them it is a drawing or an attack, and read without its layout."""
_PATH, _PICTURE, _FORM = 2, 3, 5
_DEEPEST_FORM = 3
_FARTHEST = 1e6
"""Points; what stands farther away, or nowhere, is on no page."""
_STRAIGHT = 1.0
_SHORTEST_EDGE = 4.0
_HEAVY = 600
_BOLD_NAMES = (b"bold", b"black", b"heavy", b"demi")
_UPRIGHT = 0.05
_LONGEST_NAME = 128
_HALF_HEIGHT = 0.3
_WORD = re.compile(r"[^\s\0]+")
_FIGURE = re.compile(r"\d")
_OVERLAP, _TOUCHING, _RAISED = 0.3, 0.2, 0.6
"""Of the letters' size: what may lie between two runs that belong together."""

Point = tuple[float, float]
Turn = Callable[[float, float], Point]

_TURNS: dict[int, Turn] = {
    0: lambda x, y: (x, -y),
    90: lambda x, y: (y, x),
    180: lambda x, y: (-x, y),
    270: lambda x, y: (-y, -x),
}
"""From a page's own coordinates to the shown ones, by its rotation."""


class Run(NamedTuple):
    """Characters of one style without a blank. `glued`: no blank before it either."""

    text: str
    x0: float
    x1: float
    baseline: float
    size: float
    bold: bool = False
    glued: bool = False


class Edge(NamedTuple):
    """A straight line: at `at`, from `start` to `end` on the other axis."""

    at: float
    start: float
    end: float


@dataclass(slots=True)
class PageGeometry:
    """What stands on a page: text, text that is turned, drawn lines, how many pictures, and how
    many characters outside of the part that is shown."""

    turn: Turn
    runs: list[Run] = field(default_factory=list)
    turned: list[str] = field(default_factory=list)
    across: list[Edge] = field(default_factory=list)
    down: list[Edge] = field(default_factory=list)
    pictures: int = 0
    cropped: int = 0

    @property
    def text(self) -> str:
        """All words, as they came."""
        words = "".join(("" if run.glued else " ") + run.text for run in self.runs)
        return " ".join([words, *self.turned]).strip()


def page_geometry(page: pypdfium2.PdfPage) -> PageGeometry | None:
    """The geometry of a page, as it is held to be read; None if it holds more than a page can."""
    shown = page.get_textpage()
    rotation = page.get_rotation()
    try:
        if shown.count_chars() > _MOST_CHARACTERS:
            return None
        found = _turned(shown, rotation)
        if len(found.turned) > len(found.runs):  # a table that stands sideways
            others = (_turned(shown, (rotation + more) % 360) for more in (90, 270, 180))
            found = max((found, *others), key=lambda one: len(one.runs))
    finally:
        shown.close()
    _crop(page, found)
    _read_drawings(page, found)
    return found


def _crop(page: pypdfium2.PdfPage, found: PageGeometry) -> None:
    """Take out what stands outside of the part that is shown, unless nothing is left."""
    left, bottom, right, top = page.get_bbox()
    (xa, ya), (xb, yb) = found.turn(left, bottom), found.turn(right, top)
    inside = [
        run
        for run in found.runs
        if min(xa, xb) <= (run.x0 + run.x1) / 2 <= max(xa, xb)
        and min(ya, yb) <= run.baseline - _HALF_HEIGHT * run.size <= max(ya, yb)
    ]
    if inside:
        found.cropped = sum(len(run.text) for run in found.runs) - sum(len(r.text) for r in inside)
        found.runs = inside


def _turned(shown: pypdfium2.PdfTextPage, rotation: int) -> PageGeometry:
    found = PageGeometry(_TURNS[rotation])
    _Characters(shown, found).read()
    return found


class _Style(NamedTuple):
    size: float
    baseline: float
    bold: bool
    is_upright: bool


class _Characters:
    """Groups the characters of a page into runs."""

    def __init__(self, shown: pypdfium2.PdfTextPage, found: PageGeometry) -> None:
        self._shown, self._found = shown, found
        self._box = raw.FS_RECTF()
        self._drawn: int | None = None
        self._style = _Style(0.0, 0.0, False, True)

    def read(self) -> None:
        """All characters, in the order of the page's content."""
        text, end = self._text(), 0
        for word in _WORD.finditer(text):
            is_near = end > 0 and not text[end : word.start()].strip("\r\n")
            end = word.end()
            style = self._style_of(word.start())
            if not style.is_upright:
                self._found.turned.append(word[0])
                continue
            parts = list(self._parts(word))
            runs_down = (
                len(parts) == len(word[0]) > 1 and len({round(x0) for *_, x0, _ in parts}) == 1
            )
            for start, stop, x0, x1 in parts:
                if start > word.start():
                    style = self._style_of(start)
                if runs_down:  # in a font for vertical text, which has one baseline for all
                    style = style._replace(baseline=max(self._edges(start)[1]))
                self._add(text[start:stop], style, x0, x1, is_near=is_near)
                is_near = True

    def _text(self) -> str:
        """A character for each place of the page."""
        count = self._shown.count_chars()
        text: str = self._shown.get_text_range()
        if len(text) == count:
            return text
        code_of = raw.FPDFText_GetUnicode
        return "".join(chr(code_of(self._shown, index)) for index in range(count))

    def _parts(self, word: re.Match[str]) -> Iterator[tuple[int, int, float, float]]:
        """Characters of one height, and where they begin and end. Exponents and marks of notes are
        figures mostly: other words are looked at from both ends only."""
        start, stop = word.span()
        (x0, x1), height = self._edges(start)
        (xa, xb), last = self._edges(stop - 1)
        if height == last and not _FIGURE.search(word[0]):
            yield start, stop, min(x0, xa), max(x1, xb)
            return
        for index in range(start + 1, stop):
            (xa, xb), found = self._edges(index)
            if found != height:
                yield start, index, x0, x1
                start, height, x0, x1 = index, found, xa, xb
            x0, x1 = min(x0, xa), max(x1, xb)
        yield start, stop, x0, x1

    def _edges(self, index: int) -> tuple[Point, Point]:
        """Left and right, and upper and lower edge of a character."""
        box = self._box
        raw.FPDFText_GetLooseCharBox(self._shown, index, box)
        xa, ya = self._found.turn(box.left, box.bottom)
        xb, yb = self._found.turn(box.right, box.top)
        return (xa, xb) if xa < xb else (xb, xa), (ya, yb)

    def _add(self, text: str, style: _Style, x0: float, x1: float, *, is_near: bool) -> None:
        letters = text.replace("\x02", "-").replace("\ufffe", "-")
        if not abs(x0) + abs(x1) + abs(style.baseline) + style.size < _FARTHEST:
            return
        run = Run(letters, x0, x1, style.baseline, style.size, style.bold)
        runs = self._found.runs
        if is_near and runs and _touch(runs[-1], run):
            if runs[-1][3:6] == run[3:6]:
                run = run._replace(text=runs[-1].text + letters, glued=runs[-1].glued)
                runs[-1] = run._replace(x0=min(runs[-1].x0, run.x0), x1=max(runs[-1].x1, run.x1))
                return
            run = run._replace(glued=True)
        runs.append(run)

    def _style_of(self, index: int) -> _Style:
        shown = self._shown
        pointer = raw.FPDFText_GetTextObject(shown, index)
        drawn = ctypes.addressof(pointer.contents) if pointer else None
        if drawn is not None and drawn == self._drawn:
            return self._style
        self._drawn = drawn
        matrix = raw.FS_MATRIX()
        raw.FPDFText_GetMatrix(shown, index, matrix)
        x, y = ctypes.c_double(), ctypes.c_double()
        raw.FPDFText_GetCharOrigin(shown, index, x, y)
        size = raw.FPDFText_GetFontSize(shown, index) * hypot(matrix.c, matrix.d)
        along, sideways = self._found.turn(matrix.a, matrix.b)
        is_upright = along > 0 and abs(sideways) <= _UPRIGHT * along
        baseline = self._found.turn(x.value, y.value)[1]
        self._style = _Style(size, baseline, self._is_bold(index), is_upright)
        return self._style

    def _is_bold(self, index: int) -> bool:
        shown = self._shown
        name, flags = ctypes.create_string_buffer(_LONGEST_NAME), ctypes.c_int()
        raw.FPDFText_GetFontInfo(shown, index, name, _LONGEST_NAME, flags)
        is_heavy = raw.FPDFText_GetFontWeight(shown, index) >= _HEAVY
        return is_heavy or any(word in name.value.lower() for word in _BOLD_NAMES)


def _touch(before: Run, run: Run) -> bool:
    """Whether a run goes on right behind the one before: a superscript does."""
    size = max(before.size, run.size)
    is_near = -_OVERLAP * size < run.x0 - before.x1 < _TOUCHING * size
    return is_near and abs(run.baseline - before.baseline) < _RAISED * size


def _read_drawings(page: pypdfium2.PdfPage, found: PageGeometry) -> None:
    for number, drawn in enumerate(page.get_objects(max_depth=_DEEPEST_FORM)):
        if number > _MOST_OBJECTS or len(found.across) + len(found.down) > _MOST_EDGES:
            found.across, found.down = [], []
            return
        if drawn.type == _PICTURE:
            found.pictures += 1
        elif drawn.type == _PATH and drawn.level == 0:
            for (xa, ya), (xb, yb) in _lines(drawn.raw, found.turn):
                if abs(ya - yb) <= _STRAIGHT and abs(xa - xb) >= _SHORTEST_EDGE:
                    found.across.append(Edge((ya + yb) / 2, min(xa, xb), max(xa, xb)))
                elif abs(xa - xb) <= _STRAIGHT and abs(ya - yb) >= _SHORTEST_EDGE:
                    found.down.append(Edge((xa + xb) / 2, min(ya, yb), max(ya, yb)))


def _lines(path: object, turn: Turn) -> Iterator[tuple[Point, Point]]:
    """The straight lines of a path that is drawn."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    raw.FPDFPath_GetDrawMode(path, fill, stroke)
    count = raw.FPDFPath_CountSegments(path)
    if not (fill.value or stroke.value) or count > _MOST_SEGMENTS:
        return
    matrix = raw.FS_MATRIX()
    raw.FPDFPageObj_GetMatrix(path, matrix)
    x, y = ctypes.c_float(), ctypes.c_float()
    first = last = (0.0, 0.0)
    for index in range(count):
        part = raw.FPDFPath_GetPathSegment(path, index)
        raw.FPDFPathSegment_GetPoint(part, x, y)
        point = turn(
            matrix.a * x.value + matrix.c * y.value + matrix.e,
            matrix.b * x.value + matrix.d * y.value + matrix.f,
        )
        kind = raw.FPDFPathSegment_GetType(part)
        if kind == raw.FPDF_SEGMENT_MOVETO:
            first = point
        elif kind == raw.FPDF_SEGMENT_LINETO:
            yield last, point
        last = point
        if raw.FPDFPathSegment_GetClose(part):
            yield last, first
