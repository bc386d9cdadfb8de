"""A PDF page in the order in which people read it: paragraphs and tables, column after column."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from ingest.readers.pdf.geometry import PageGeometry
from ingest.readers.pdf.lines import Piece, is_right_to_left, joined, mirrored, pieces, words
from ingest.readers.pdf.ruled_tables import Table, ruled_tables
from ingest.readers.pdf.unruled_tables import Line, with_tables
from ingest.readers.plain.text import heading_level

Item = Piece | Table

_FEWEST_LINES = 3
_GUTTER = 5.0
_NEAR = 3.0
_FILLED = 0.55
_FEWEST_WORDS = 2.5
_HAN_WORD = 3
_MOST_FIGURES = 0.3
_LOOSE = 1.3
_SPACED = 1.7
_APART = 1.6
_DEEPEST = 4


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
    tables, rest = ruled_tables(words(runs), across, down)
    items: list[Item] = [*tables, *pieces(rest)]
    found = [element for region in _regions(items) for element in _elements(region)]
    if geometry.turned:
        text = " ".join(geometry.turned)
        found.append(Paragraph((Piece(text, 0.0, 0.0, 0.0, 0.0, False),)))
    return found


def _regions(items: Sequence[Item], depth: int = 0) -> Iterator[list[Item]]:
    """Stretches that are read line by line: columns of prose one after the other."""
    best: list[tuple[list[Item], list[Item]]] = []
    if depth < _DEEPEST:
        ordered = sorted(items, key=lambda item: (item.top, item.x0))
        splits = [_bands(ordered, x) for x in _left_edges(items)]
        best = max(splits, key=_in_columns, default=best)
    if not best or not _in_columns(best):
        yield list(items)
        return
    for left, right in best:
        yield from _regions(left, depth + 1) if right else [left]
        if right:
            yield from _regions(right, depth + 1)


def _in_columns(bands: Sequence[tuple[list[Item], list[Item]]]) -> int:
    return sum(len(left) + len(right) for left, right in bands if right)


def _left_edges(items: Iterable[Item]) -> list[float]:
    """Where several lines begin, but for the first such place."""
    places: list[list[float]] = []
    for x in sorted(item.x0 for item in items if isinstance(item, Piece)):
        if places and x - places[-1][0] <= _NEAR:
            places[-1].append(x)
        else:
            places.append([x])
    return [place[0] for place in places if len(place) >= _FEWEST_LINES and place is not places[0]]


def _bands(ordered: Sequence[Item], x: float) -> list[tuple[list[Item], list[Item]]]:
    """From top to bottom, what stands left and right of a gutter at x; nothing right of it if the
    gutter does not part columns there."""
    bands: list[tuple[list[Item], list[Item]]] = []
    left: list[Item] = []
    right: list[Item] = []

    def close(crossing: list[Item]) -> None:
        for part in _parted(left, right):
            if not part[1] and bands and not bands[-1][1]:
                bands[-1][0].extend(part[0])
            elif part[0] or part[1]:
                bands.append(part)
        if crossing:
            if bands and not bands[-1][1]:
                bands[-1][0].extend(crossing)
            else:
                bands.append((crossing, []))
        left.clear()
        right.clear()

    for item in ordered:
        if item.x1 <= x - _GUTTER:
            left.append(item)
        elif item.x0 >= x - _NEAR:
            right.append(item)
        else:
            close([item])
    close([])
    return bands


def _parted(left: list[Item], right: list[Item]) -> Iterator[tuple[list[Item], list[Item]]]:
    """Both sides as columns if they are; a running head and a foot are taken off before."""
    both = sorted([*left, *right], key=lambda item: (item.top, item.x0))
    head, foot = _edge(both, 1), _edge(both, -1)
    inner_left = [item for item in left if item not in head and item not in foot]
    inner_right = [item for item in right if item not in head and item not in foot]
    if _is_prose(inner_left) and _is_prose(inner_right):
        yield head, []
        yield inner_left, inner_right
        yield foot, []
    else:
        yield both, []


def _edge(both: Sequence[Item], direction: int) -> list[Item]:
    """The outermost line if it stands far from the others."""
    ordered = both[::direction]
    for number, (outer, inner) in enumerate(pairwise(ordered)):
        gap = inner.top - outer.bottom if direction == 1 else outer.top - inner.bottom
        if gap > 0:
            size = outer.size if isinstance(outer, Piece) else 0.0
            return list(ordered[: number + 1]) if size and gap > _APART * size else []
    return []


def _is_prose(side: Sequence[Item]) -> bool:
    """Whether lines are those of a text and not cells: several words, and they fill the width."""
    lines = [item for item in side if isinstance(item, Piece)]
    if len(lines) < _FEWEST_LINES:
        return False
    if sum(not any(map(str.isalpha, line.text)) for line in lines) > _MOST_FIGURES * len(lines):
        return False
    if median(map(_word_count, lines)) < _FEWEST_WORDS:
        return False
    by_edge: dict[int, list[float]] = defaultdict(list)
    for line in lines:
        by_edge[round(line.x0 / _NEAR / 2)].append(line.x1 - line.x0)
    shares = [width / max(group) for group in by_edge.values() for width in group]
    return median(shares) >= _FILLED


def _word_count(line: Piece) -> float:
    wide = sum(sign > "\u2e7f" for sign in line.text)
    return len(line.text.split()) + wide / _HAN_WORD


def _elements(region: Sequence[Item]) -> Iterator[Element]:
    """Paragraphs and tables of a region that is read line by line."""
    waiting: list[Piece] = []
    for item in with_tables_drawn(region):
        if isinstance(item, Table):
            yield from _paragraphs(waiting)
            waiting = []
            yield item
        else:
            waiting.append(_whole(item))
    yield from _paragraphs(waiting)


def with_tables_drawn(region: Sequence[Item]) -> Iterator[Line | Table]:
    """Lines and tables from top to bottom, whether their cells are drawn or not."""
    lines: list[Line] = []
    for item in sorted(region, key=lambda item: (item.top, item.x0)):
        if isinstance(item, Table):
            yield from with_tables(_sorted(lines))
            lines = []
            yield item
        else:
            lines.append([item])
    yield from with_tables(_sorted(lines))


def _sorted(lines: Iterable[Line]) -> list[Line]:
    """Pieces on one baseline as one line, from left to right."""
    found: list[Line] = []
    for piece in sorted((piece for line in lines for piece in line), key=lambda p: p.baseline):
        if found and piece.baseline - found[-1][0].baseline <= 0.25 * piece.size:
            found[-1].append(piece)
        else:
            found.append([piece])
    return [sorted(line, key=lambda piece: piece.x0) for line in found]


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
            least = _LOOSE * pitch if pitch > line.size else _SPACED * line.size
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
