"""What was cut apart is read as one passage: neighbours become one hit, and the best hit grows.

Chunks join that follow each other in a document, under the same heading and on the same page.
Those among the best candidates join because each was found for the question; that costs no room
that they would not have taken anyway. The first hit then takes in what stands around it, up to
`EXPANDED_WIDTH`: when it is the right place, the answer is often in the next lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from kb.search.ranking import RankedChunk
from kb.store.content.chunks import LiveChunk
from kb.store.content.pages import Slice
from kb.text.scripts import WIDE
from kb.types import Chunk, Considered, Span

MERGED_CANDIDATES = 6
"""Candidates from the top that may join. Recall@1 on SQuAD dev for 0, 3, 4, 6, 8: 0.893 0.920
0.923 0.930 0.933; within 1,000 tokens 0.977 up to 6, 0.970 for 8."""

JOINED_WIDTH = 3200
"""Characters of candidates that join, at most, counted as below: three chunks in English, two in
Japanese. JSQuAD with `bundled`, whose chunks are long there, 300 questions and 300 others: recall
within 1,000 tokens 0.977 and 0.993 in place of 0.953 and 0.967, @1 0.963 and 0.977 in place of
0.973 and 0.977; other sets move by one question at most."""

EXPANDED_WIDTH = 2400
"""Characters of the first hit, at most: about 520 tokens, an East Asian character counting four.
Recall within 1,000 tokens and @1 without / up to 400, 520 and 700 tokens: Sanguo 0.696 0.536 /
0.700 0.545, 0.712 0.583, 0.692 0.602; SQuAD dev 0.980 0.927 / 0.977 0.927, 0.977 0.927, 0.960
0.930."""

NEIGHBOURS = 3
"""Chunks on either side that are looked at for it. Recall of 200 questions each of SQuAD dev and
CMRC 2018 is the same for 1, 2 and 6: more matter only where chunks are shorter than usual."""

_WIDE = re.compile(f"[{WIDE}]")


@dataclass(slots=True)
class _Group:
    """Neighbours in reading order: the candidates among them, and the rows of all."""

    items: list[RankedChunk]
    rows: list[LiveChunk]

    @property
    def best(self) -> RankedChunk:
        """The candidate that names the hit."""
        return max(self.items, key=lambda item: item.score)

    def take(self, other: _Group) -> None:
        """Become one with neighbours."""
        self.items += other.items
        self.rows = sorted([*self.rows, *other.rows], key=lambda row: row.chunk.index)

    def is_beside(self, other: _Group) -> bool:
        """Whether one goes on where the other ends."""
        return _follows(self.rows[-1], other.rows[0]) or _follows(other.rows[-1], self.rows[0])


def merge_neighbours(
    ranked: Sequence[RankedChunk],
    live: Callable[[Sequence[str]], Mapping[str, LiveChunk]],
    slices: Callable[[Sequence[Slice]], Mapping[Slice, str]],
) -> tuple[list[RankedChunk], list[Considered]]:
    """The candidates with neighbours merged and the first one expanded, best first, and those that
    went into others.

    Args:
        live: gives the live ones of some chunk ids.
        slices: gives the texts of those slices of pages that are still there.
    """
    groups: list[_Group] = []
    for item in ranked[:MERGED_CANDIDATES]:
        own = _Group([item], [item.found])
        for group in [group for group in groups if group.is_beside(own)]:
            if _width(group, own) <= JOINED_WIDTH:
                groups.remove(group)
                own.take(group)
        groups.append(own)
    groups += [_Group([item], [item.found]) for item in ranked[MERGED_CANDIDATES:]]
    groups.sort(key=lambda group: -group.best.score)
    if groups and _is_plain(groups[0].rows[0].chunk):
        rows = groups[0].rows
        _expand(groups, live(neighbour_ids(rows[0].chunk.id, rows[-1].chunk.id)))
    cut = [_slice(group.rows) for group in groups if len(group.rows) > 1]
    texts = slices(cut) if cut else {}
    kept: list[RankedChunk] = []
    left_out: list[Considered] = []
    for group in groups:
        whole = _whole(group, texts)
        kept += [whole] if whole else group.items
        if whole:
            others = (item for item in group.items if item.chunk_id != whole.chunk_id)
            left_out += [item.dropped(f"joined to {whole.chunk_id}") for item in others]
    return sorted(kept, key=lambda item: -item.score), left_out


def _expand(groups: list[_Group], around: Mapping[str, LiveChunk]) -> None:
    """Let the first group take in what stands around it, what follows before what precedes."""
    first = groups[0]
    singles = [_Group([], [row]) for row in around.values()]
    waiting = sorted([*groups[1:], *singles], key=lambda group: group.rows[0].chunk.index)
    while True:
        near = [g for g in waiting if g.is_beside(first) and _width(first, g) <= EXPANDED_WIDTH]
        if not near:
            return
        taken = max(near, key=lambda g: (len(g.items), g.rows[0].chunk.index))
        first.take(taken)
        names = {row.chunk.id for row in taken.rows}
        waiting = [g for g in waiting if not names & {row.chunk.id for row in g.rows}]
        if taken in groups:
            groups.remove(taken)


def neighbour_ids(first: str, last: str) -> list[str]:
    """The ids of the chunks on either side of some that follow each other.

    Chunk ids end in the chunk's index, see `kb.store.content.index_ops.chunk_prefix`.
    """
    prefix, _, start = first.rpartition(".")
    end = int(last.rpartition(".")[2])
    before = range(max(0, int(start) - NEIGHBOURS), int(start))
    return [f"{prefix}.{index}" for index in chain(before, range(end + 1, end + 1 + NEIGHBOURS))]


def _width(*groups: _Group) -> int:
    texts = [row.chunk.text for group in groups for row in group.rows]
    return sum(len(text) + 3 * len(_WIDE.findall(text)) for text in texts)


def _slice(rows: Sequence[LiveChunk]) -> Slice:
    """All that lies between the first and the last character of neighbours."""
    first, last = rows[0].chunk.spans[0], rows[-1].chunk.spans[0]
    return rows[0].chunk.document_id, rows[0].version, Span(first.page, first.start, last.end)


def _whole(group: _Group, texts: Mapping[Slice, str]) -> RankedChunk | None:
    """Neighbours as one candidate under the name of the best; None for a single chunk, and where
    the text is gone because the document was replaced just now."""
    if len(group.rows) < 2 or (cut := _slice(group.rows)) not in texts:
        return None
    best = group.best
    chunk = replace(
        best.found.chunk,
        spans=(cut[2],),
        text=texts[cut],
        index_text=_index_text([row.chunk for row in group.rows]),
    )
    whole = replace(best, found=replace(best.found, chunk=chunk))
    return whole.scored(best.score, joined=[row.chunk.id for row in group.rows])


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
