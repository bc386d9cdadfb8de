"""A PDF page in the order in which people read it: paragraphs and tables, column after column."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median

from ingest.readers.pdf.geometry import Edge, PageGeometry
from ingest.readers.pdf.lines import (
    Piece,
    by_line,
    is_right_to_left,
    is_vertical,
    joined,
    mirrored,
    pieces,
    upright,
    words,
)
from ingest.readers.pdf.ruled_tables import Table, ruled_tables
from ingest.readers.pdf.unruled_tables import Line, with_tables
from ingest.readers.plain.text import heading_level

Item = Piece | Table
Band = tuple[list[Item], list[Item]]

_FEWEST_LINES = 3
_FEWEST_WORDS = 2.5
_SMALL_LETTERS = 0.25
_FILLED = 0.85
"""What tells columns of prose from those of a table. In `bench.pdf`, one word a line costs 17 % of
the rows without drawn cells, no small letter 12 %, half the width 3 %; four words, small letters
at the start of every second line and 0.95 of the width cost nothing."""
_HAN_WORD = 3
_GUTTER = 5.0
_NEAR = 3.0
"""Points between columns, and between the beginnings of lines that stand below each other."""
_LOOSE = 1.3
_SPACED = 1.7
_SPACED_BOLD = 1.4
"""Steps between the lines of a paragraph: of the usual one on the page, of the size where there is
none, and of bold letters. With twice the usual step half of the headings in `bench.pdf` are lost.
"""
_APART = 1.6
_DEEPEST = 4
_MOST_EDGES = 12


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Lines of one style without a gap between them."""

    lines: tuple[Piece, ...]

    @property
    def text(self) -> str:
        """The lines as they stand."""
        return "\n".join(line.text for line in self.lines)


Element = Paragraph | Table


def elements(geometry: PageGeometry) -> list[Element]:
    """What stands on a page, in reading order; turned text comes last."""
    runs, down, across = geometry.runs, geometry.down, geometry.across
    if is_right_to_left(runs):
        runs = [mirrored(run) for run in runs]
        down = [edge._replace(at=-edge.at) for edge in down]
        across = [edge._replace(start=-edge.end, end=-edge.start) for edge in across]
    if is_vertical(runs):
        runs = [upright(run) for run in runs]
        down, across = (
            [Edge(edge.at, -edge.end, -edge.start) for edge in across],
            [edge._replace(at=-edge.at) for edge in down],
        )
    tables, rest = ruled_tables(words(runs), across, down)
    items: list[Item] = [*tables, *pieces(rest)]
    found = [element for region in _regions(items) for element in _elements(region)]
    if geometry.turned:
        text = " ".join(geometry.turned)
        found.append(Paragraph((Piece(text, 0.0, 0.0, 0.0, 0.0, False),)))
    return found


def _regions(items: Sequence[Item], depth: int = 0) -> Iterator[list[Item]]:
    """Stretches that are read line by line: columns of prose one after the other."""
    ordered = sorted(items, key=lambda item: (item.top, item.x0))
    edges = _left_edges(items) if depth < _DEEPEST else []
    best = max((_bands(ordered, x) for x in edges), key=_in_columns, default=[])
    waiting: list[Item] = []
    for left, right in best or [(ordered, [])]:
        if not right:
            waiting.extend(left)
            continue
        yield waiting
        yield from _regions(left, depth + 1)
        yield from _regions(right, depth + 1)
        waiting = []
    yield waiting


def _in_columns(bands: Sequence[Band]) -> int:
    return sum(len(left) + len(right) for left, right in bands if right)


def _left_edges(items: Iterable[Item]) -> list[float]:
    """Where several lines begin, but for the first such place."""
    places: list[list[float]] = []
    for x in sorted(item.x0 for item in items if isinstance(item, Piece)):
        if places and x - places[-1][0] <= _NEAR:
            places[-1].append(x)
        else:
            places.append([x])
    often = sorted((place for place in places[1:] if len(place) >= _FEWEST_LINES), key=len)
    return [place[0] for place in often[-_MOST_EDGES:]]


def _bands(ordered: Iterable[Item], x: float) -> list[Band]:
    """From top to bottom, what stands left and right of a gutter at x; nothing right of it if the
    gutter does not part columns there."""
    bands: list[Band] = []
    left: list[Item] = []
    right: list[Item] = []
    for item in ordered:
        if item.x1 <= x - _GUTTER:
            left.append(item)
        elif item.x0 >= x - _NEAR:
            right.append(item)
        else:
            bands.extend((*_parted(left, right), ([item], [])))
            left, right = [], []
    return [*bands, *_parted(left, right)]


def _parted(left: list[Item], right: list[Item]) -> list[Band]:
    """Both sides as columns if they are; a running head and a foot are taken off before."""
    both = sorted([*left, *right], key=lambda item: (item.top, item.x0))
    head, foot = _edge(both, 1), _edge(both, -1)
    left, right = ([one for one in side if one not in (*head, *foot)] for side in (left, right))
    if _is_prose(left) and _is_prose(right):
        return [(head, []), (left, right), (foot, [])]
    return [(both, [])]


def _edge(both: Sequence[Item], direction: int) -> list[Item]:
    """The outermost line if it stands far from the others."""
    ordered = both[::direction]
    for number, (outer, inner) in enumerate(pairwise(ordered), start=1):
        gap = inner.top - outer.bottom if direction == 1 else outer.top - inner.bottom
        if gap > 0:
            is_far = isinstance(outer, Piece) and gap > _APART * outer.size
            return list(ordered[:number]) if is_far else []
    return []


def _is_prose(side: Sequence[Item]) -> bool:
    """Whether lines go on in the next one and are not cells: they have several words, and many
    begin with a small letter or, in scripts without, fill the width."""
    lines = [item for item in side if isinstance(item, Piece)]
    if len(lines) < _FEWEST_LINES or median(map(_word_count, lines)) < _FEWEST_WORDS:
        return False
    begins = [line.text[0] for line in lines]
    small, capitals = sum(map(str.islower, begins)), sum(map(str.isupper, begins))
    if small + capitals > len(lines) / 2:
        return small >= _SMALL_LETTERS * (small + capitals)
    by_edge: dict[int, list[float]] = defaultdict(list)
    for line in lines:
        by_edge[round(line.x0 / _NEAR / 2)].append(line.x1 - line.x0)
    return median(width / max(group) for group in by_edge.values() for width in group) >= _FILLED


def _word_count(line: Piece) -> float:
    wide = sum(sign > "\u2e7f" for sign in line.text)
    return len(line.text.split()) + wide / _HAN_WORD


def _elements(region: Iterable[Item]) -> Iterator[Element]:
    """Paragraphs and tables of a region that is read line by line."""
    ordered = sorted(region, key=lambda item: (item.top, item.x0))
    for kind, group in groupby(ordered, key=type):
        if kind is Table:
            yield from (item for item in group if isinstance(item, Table))
            continue
        lines = by_line(item for item in group if isinstance(item, Piece))
        for is_table, flow in groupby(with_tables(lines), key=lambda one: isinstance(one, Table)):
            if is_table:
                yield from (one for one in flow if isinstance(one, Table))
            else:
                yield from _paragraphs([_whole(one) for one in flow if isinstance(one, list)])


def _whole(line: Line) -> Piece:
    if len(line) == 1:
        return line[0]
    text = joined(piece.text for piece in line)
    main = max(line, key=lambda piece: len(piece.text))
    bold = all(piece.bold for piece in line)
    return Piece(text, line[0].x0, line[-1].x1, main.baseline, main.size, bold)


def _paragraphs(lines: Sequence[Piece]) -> Iterator[Paragraph]:
    steps = Counter(round(below.baseline - above.baseline) for above, below in pairwise(lines))
    usual, count = steps.most_common(1)[0] if steps else (0, 0)
    pitch = usual if 2 * count > steps.total() else 0
    group: list[Piece] = []
    for line in lines:
        if group:
            step = line.baseline - group[-1].baseline
            spaced = (_SPACED_BOLD if line.bold else _SPACED) * line.size
            least = _LOOSE * pitch if pitch > line.size else spaced
            if not 0 < step <= least or _differ(group[-1], line):
                yield Paragraph(tuple(group))
                group = []
        group.append(line)
    if group:
        yield Paragraph(tuple(group))


def _differ(above: Piece, below: Piece) -> bool:
    """Whether a line cannot go on with the one above it."""
    if abs(above.size - below.size) > 0.06 * above.size or above.bold != below.bold:
        return True
    return below.bold and heading_level(below.text) is not None
