"""Words of a PDF page joined to pieces of lines: what stands in one line without a wide gap.

Raised and lowered characters are told by size and baseline. In text that runs from right to left
PDFium's order is kept, because it is that of reading; the caller has mirrored the page.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple, TypeVar

from ingest.readers.pdf.geometry import Run
from ingest.readers.raised_text import lowered, raised, resolved

_WIDEST_GAP = 0.9
_NARROWEST_GAP = 0.5
_BLANKS = 2.2
"""Between columns stand more blanks than this, within these bounds in sizes of the letters. Half or
twice the widest costs 15 and 3 % of the rows without drawn cells in `bench.pdf`, twice the blanks
7 %, half of them nothing."""
_SAME_LINE = 0.25
_SMALL = 0.85
_SHIFTED = 0.12
"""What is smaller and shifted by more, in sizes of the letters, is raised or lowered. Producers set
superscripts at 0.6 to 0.8 of the size, shifted by 0.3 to 0.5."""
_ASCENT, _DESCENT = 0.8, 0.2
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_BEFORE_TEXT = re.compile(
    r"(?:[•‣▪●○◦·*–—\-☐☑☒✓✔]|[(]?(?:\d{1,2}|[a-zA-Z])[.)]|\.\d+|\d+(?:\.\d+)+\.?)$"
)
"""What stands before an item of a list or a title: a gap behind it parts no columns."""
_HAN = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
_BETWEEN_HAN = re.compile(rf"(?<=[{_HAN}]) (?=[{_HAN}])")


class Piece(NamedTuple):
    """Text within one line, and where it stands."""

    text: str
    x0: float
    x1: float
    baseline: float
    size: float
    bold: bool

    @property
    def top(self) -> float:
        """Upper edge."""
        return self.baseline - _ASCENT * self.size

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.baseline + _DESCENT * self.size

    @property
    def center(self) -> float:
        """Middle between left and right."""
        return (self.x0 + self.x1) / 2


class Word(NamedTuple):
    """Runs without a blank between them; the largest one tells size and baseline."""

    runs: tuple[Run, ...]
    place: int
    x0: float
    x1: float
    baseline: float
    size: float


Positioned = TypeVar("Positioned", Piece, Word)


def is_right_to_left(runs: Iterable[Run]) -> bool:
    """Whether most words are of a script that runs from right to left."""
    sides = Counter(RIGHT_TO_LEFT.search(run.text) is not None for run in runs)
    return sides[True] > sides[False]


def is_vertical(runs: Sequence[Run]) -> bool:
    """Whether most characters stand below each other, one by one, in Chinese or Japanese."""
    below = sum(
        len(a.text) == len(b.text) == 1
        and b.text > "\u2e7f"
        and abs(a.x0 - b.x0) < _SAME_LINE * b.size
        and 0 < b.baseline - a.baseline < 2 * b.size
        for a, b in pairwise(runs)
    )
    return below * 2 > len(runs)


def upright(run: Run) -> Run:
    """A run of a column as one of a line: the columns from right to left become lines."""
    return run._replace(x0=run.baseline - run.size, x1=run.baseline, baseline=-run.x0, glued=False)


def mirrored(run: Run) -> Run:
    """A run as it stands in a mirror."""
    return run._replace(x0=-run.x1, x1=-run.x0)


def joined(texts: Iterable[str]) -> str:
    """Texts with a blank between them, but for characters that are written without."""
    return _BETWEEN_HAN.sub("", " ".join(filter(None, texts)))


def words(runs: Sequence[Run]) -> list[Word]:
    """Runs that belong together; `place` counts them as they came."""
    found: list[Word] = []
    for run in runs:
        group = (*found.pop().runs, run) if run.glued and found else (run,)
        main = max(group, key=lambda part: (round(part.size, 1), len(part.text)))
        x0, x1 = min(part.x0 for part in group), max(part.x1 for part in group)
        found.append(Word(group, len(found), x0, x1, main.baseline, main.size))
    return found


def by_line(found: Iterable[Positioned]) -> list[list[Positioned]]:
    """What stands on the same baseline, from left to right, lines from top to bottom."""
    lines: list[list[Positioned]] = []
    for word in sorted(found, key=lambda word: (word.baseline, word.x0)):
        near = _SAME_LINE * max(word.size, lines[-1][0].size) if lines else 0.0
        if lines and word.baseline - lines[-1][0].baseline <= near:
            lines[-1].append(word)
        else:
            lines.append([word])
    return [sorted(line, key=lambda word: word.x0) for line in lines]


def pieces(found: Iterable[Word]) -> Iterator[Piece]:
    """Words joined until a gap that is wider than blanks are."""
    lines = by_line(found)
    widest = _gap(lines)
    for line in lines:
        group: list[Word] = []
        for word in line:
            if group and not _belongs(group, word, widest, is_first=group[0] is line[0]):
                yield piece(group)
                group = []
            group.append(word)
        yield piece(group)


def _gap(lines: Iterable[Sequence[Word]]) -> float:
    """How wide a gap within a text may be, told from the usual blank of the page."""
    gaps = [(b.x0 - a.x1) / max(a.size, b.size, 1.0) for line in lines for a, b in pairwise(line)]
    blanks = [gap for gap in gaps if 0 < gap < _WIDEST_GAP]
    usual = median(blanks) if blanks else _WIDEST_GAP
    return min(_WIDEST_GAP, max(_NARROWEST_GAP, _BLANKS * usual))


def _belongs(group: Sequence[Word], word: Word, widest: float, *, is_first: bool) -> bool:
    size = max(group[-1].size, word.size)
    gap = word.x0 - max(part.x1 for part in group)
    if gap < widest * size or group[-1].runs[-1].text.endswith((":", "：")):
        return True
    first = "".join(run.text for part in group for run in part.runs)
    return is_first and gap < 4 * size and _BEFORE_TEXT.match(first) is not None


def piece(group: Sequence[Word]) -> Piece:
    """Words of one line as one text."""
    size = median(word.size for word in group)
    main = [run for word in group for run in word.runs if run.size >= _SMALL * size]
    baseline = median(run.baseline for run in main) if main else group[0].baseline
    ordered = list(group)
    if any(RIGHT_TO_LEFT.search(run.text) for word in group for run in word.runs):
        ordered.sort(key=lambda word: word.place)
    text = joined("".join(_marked(run, baseline, size) for run in word.runs) for word in ordered)
    return Piece(
        resolved(text),
        min(word.x0 for word in group),
        max(word.x1 for word in group),
        baseline,
        size,
        all(run.bold for run in main),
    )


def _marked(run: Run, baseline: float, size: float) -> str:
    if run.size < _SMALL * size:
        if baseline - run.baseline > _SHIFTED * size:
            return raised(run.text)
        if run.baseline - baseline > _SHIFTED * size:
            return lowered(run.text)
    return run.text


def lines_of_text(found: Iterable[Word]) -> str:
    """All words as one line of text, as in a cell."""
    return joined(piece(line).text for line in by_line(found))
