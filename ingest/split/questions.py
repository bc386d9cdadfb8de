"""Questions and answers in tables: CSV, TSV, spreadsheets and JSON Lines with a column for each.

Readers write a row as `column: value | column: value`, or a value per line where they are long.
Columns are those names that many rows share, so a colon inside of an answer is none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ingest.split.segments import non_blank
from kb.errors import UnreadableFile
from kb.types import Block, Extent, Span

QUESTIONS = (
    "question", "questions", "q", "query", "prompt", "instruction", "ask",
    "问题", "問題", "标准问题", "标准问", "提问", "问", "題目", "题目", "质问",
)  # fmt: skip
ANSWERS = (
    "answer", "answers", "a", "response", "reply", "output", "completion",
    "答案", "标准答案", "回答", "答复", "回复", "答",
)  # fmt: skip
"""Names of the columns, in small letters; the earlier one counts if there are several."""

_CELL = re.compile(r"(?:(?<= \| )|(?<=\n)|\A)([^|:：\n]{1,60}?)[ \t]?: ")
_SEPARATOR = " |\n"
_COMMON = 0.2
"""Share of the rows that a column must be in; readers leave out empty cells. What stands
before a colon in an answer would have to recur in every fifth row."""


def questions_of(blocks: Iterable[Block], texts: Mapping[int, str]) -> dict[tuple[int, int], Span]:
    """Each question that has an answer, by the page and the first character of its row.

    Raises:
        UnreadableFile: reason `no_questions`: there is none.
    """
    rows = [block for block in blocks if block.kind in ("table", "list", "paragraph")]
    cells = [_cells(texts[block.page][block.start : block.end]) for block in rows]
    named = Counter(name for found in cells for name in {name for name, _, _ in found})
    columns = {name for name, count in named.items() if count >= _COMMON * len(rows)}
    found = {}
    for block, row in zip(rows, cells, strict=True):
        text = texts[block.page][block.start : block.end]
        extents = dict(_extents(text, [cell for cell in row if cell[0] in columns]))
        question, answer = _first(extents, QUESTIONS), _first(extents, ANSWERS)
        if question is not None and answer is not None:
            start, end = (block.start + position for position in question)
            found[block.page, block.start] = Span(block.page, start, end)
    if not found:
        raise UnreadableFile(
            "The file has no questions and answers: no columns such as `question` and `answer` or "
            "`问题` and `答案` were found. Rename the columns, or use another split mode.",
            reason="no_questions",
        )
    return found


Cell = tuple[str, int, int]
"""Name of the column, where the name begins, where the value begins."""


def _cells(text: str) -> list[Cell]:
    return [
        (match[1].strip().casefold(), match.start(), match.end()) for match in _CELL.finditer(text)
    ]


def _extents(text: str, cells: Sequence[Cell]) -> Iterator[tuple[str, Extent]]:
    """The value of each column that is not empty."""
    for number, (name, _, begin) in enumerate(cells):
        end = cells[number + 1][1] if number + 1 < len(cells) else len(text)
        value = text[begin:end].rstrip(_SEPARATOR) if end < len(text) else text[begin:end]
        for extent in non_blank(text, begin, begin + len(value)):
            yield name, extent


def _first(extents: Mapping[str, Extent], names: Sequence[str]) -> Extent | None:
    return next((extents[name] for name in names if name in extents), None)
