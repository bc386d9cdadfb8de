"""What was cut apart is read as one passage: neighbours become one hit, and the best hit grows.

Chunks join that follow each other in a document, under the same heading and on the same page.
Those among the best candidates join because each was found for the question; that costs no room
that they would not have taken anyway. The first hit then takes in what stands around it, up to
`GROWN`: when it is the right place, the answer is often in the next lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from kb.search.ranked import Ranked
from kb.store.content.chunks import LiveChunk
from kb.types import Chunk, Considered, Span

AMONG = 6
"""Candidates from the top that may join. Recall@1 on SQuAD dev for 0, 3, 4, 6, 8: 0.893 0.920
0.923 0.930 0.933; within 1,000 tokens 0.977 up to 6, 0.970 for 8."""

GROWN = 2400
"""Width of the first hit, at most: about 520 tokens, an East Asian character counting four.
Recall within 1,000 tokens and @1 without / up to 400, 520 and 700 tokens: Sanguo 0.696 0.536 /
0.700 0.545, 0.712 0.583, 0.692 0.602; SQuAD dev 0.980 0.927 / 0.977 0.927, 0.977 0.927, 0.960
0.930."""

REACH = 3
"""Chunks on either side that are looked at for it."""

Place = tuple[str, int, Span]
"""Characters of one page of a document version: document id, version, span."""

_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f]")


@dataclass(frozen=True, slots=True)
class Reading:
    """How texts are read: those at some places, and live chunks by their ids."""

    texts: Callable[[Sequence[Place]], Mapping[Place, str]]
    chunks: Callable[[Iterable[str]], Mapping[str, LiveChunk]]


@dataclass(slots=True)
class _Family:
    """Neighbours in reading order: the candidates among them, and the rows of all."""

    items: list[Ranked]
    rows: list[LiveChunk]

    @property
    def best(self) -> Ranked:
        """The candidate that names the hit."""
        return max(self.items, key=lambda item: item.score)

    def take(self, other: _Family) -> None:
        """Become one with neighbours."""
        self.items += other.items
        self.rows = sorted([*self.rows, *other.rows], key=lambda row: row.chunk.index)

    def is_beside(self, other: _Family) -> bool:
        """Whether one goes on where the other ends."""
        return _follows(self.rows[-1], other.rows[0]) or _follows(other.rows[-1], self.rows[0])


def joined(ranked: Sequence[Ranked], reading: Reading) -> tuple[list[Ranked], list[Considered]]:
    """The candidates with neighbours joined and the first one grown, best first, and those that
    went into others."""
    families: list[_Family] = []
    for item in ranked[:AMONG]:
        own = _Family([item], [item.found])
        for family in [family for family in families if family.is_beside(own)]:
            families.remove(family)
            own.take(family)
        families.append(own)
    families += [_Family([item], [item.found]) for item in ranked[AMONG:]]
    families.sort(key=lambda family: -family.best.score)
    if families:
        _grow(families, reading)
    texts = reading.texts([_place(family.rows) for family in families if len(family.rows) > 1])
    kept: list[Ranked] = []
    left_out: list[Considered] = []
    for family in families:
        whole = _whole(family, texts)
        kept += [whole] if whole else family.items
        if whole:
            others = (item for item in family.items if item.chunk_id != whole.chunk_id)
            left_out += [item.dropped(f"joined to {whole.chunk_id}") for item in others]
    return sorted(kept, key=lambda item: -item.score), left_out


def _grow(families: list[_Family], reading: Reading) -> None:
    """Let the first family take in what stands around it, what follows before what precedes."""
    first = families[0]
    if not _is_plain(first.rows[0].chunk):
        return
    around = reading.chunks(_ids_around(first.rows))
    singles = [_Family([], [row]) for row in around.values()]
    waiting = sorted([*families[1:], *singles], key=lambda family: family.rows[0].chunk.index)
    while True:
        near = [f for f in waiting if f.is_beside(first) and _width(first, f) <= GROWN]
        if not near:
            return
        taken = max(near, key=lambda f: (len(f.items), f.rows[0].chunk.index))
        first.take(taken)
        names = {row.chunk.id for row in taken.rows}
        waiting = [f for f in waiting if not names & {row.chunk.id for row in f.rows}]
        if taken in families:
            families.remove(taken)


def _ids_around(rows: Sequence[LiveChunk]) -> list[str]:
    """Chunk ids end in the chunk's index, see `kb.store.work.index_ops.chunk_prefix`."""
    first, last = rows[0].chunk, rows[-1].chunk
    prefix, _, _ = first.id.rpartition(".")
    before = range(max(0, first.index - REACH), first.index)
    after = range(last.index + 1, last.index + 1 + REACH)
    return [f"{prefix}.{index}" for index in chain(before, after)]


def _width(*families: _Family) -> int:
    texts = [row.chunk.text for family in families for row in family.rows]
    return sum(len(text) + 3 * len(_WIDE.findall(text)) for text in texts)


def _place(rows: Sequence[LiveChunk]) -> Place:
    """All that lies between the first and the last character of neighbours."""
    first, last = rows[0].chunk.spans[0], rows[-1].chunk.spans[0]
    return rows[0].chunk.document_id, rows[0].version, Span(first.page, first.start, last.end)


def _whole(family: _Family, texts: Mapping[Place, str]) -> Ranked | None:
    """Neighbours as one candidate under the name of the best; None for a single chunk, and where
    the text is gone because the document was replaced just now."""
    if len(family.rows) < 2 or (place := _place(family.rows)) not in texts:
        return None
    best = family.best
    chunk = replace(
        best.found.chunk,
        spans=(place[2],),
        text=texts[place],
        index_text=_index_text([row.chunk for row in family.rows]),
    )
    whole = replace(best, found=replace(best.found, chunk=chunk))
    return whole.scored(best.score, joined=[row.chunk.id for row in family.rows])


def _follows(before: LiveChunk, after: LiveChunk) -> bool:
    first, second = before.chunk, after.chunk
    return (
        (first.document_id, first.index + 1) == (second.document_id, second.index)
        and (before.version, first.heading) == (after.version, second.heading)
        and _is_plain(first)
        and _is_plain(second)
        and first.spans[0].page == second.spans[0].page
    )


def _is_plain(chunk: Chunk) -> bool:
    return chunk.parent is None and len(chunk.spans) == 1


def _index_text(chunks: Sequence[Chunk]) -> str:
    """The texts one after the other, under one line of headings."""
    first, *others = (chunk.index_text for chunk in chunks)
    heading, _, _ = first.partition("\n")
    if heading and chunks[0].heading.endswith(heading):
        others = [text.removeprefix(heading).lstrip("\n") for text in others]
    return "\n".join((first, *others))
