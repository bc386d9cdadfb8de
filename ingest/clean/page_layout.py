"""A page as cleaning rules see it, what of it they must leave alone, and what is left of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ingest.types import Removal
from kb.types import Block, BlockKind, Extent, Page, Span

PageRule = Callable[["PageLayout"], Iterator[Extent]]
DocumentRule = Callable[[Sequence["PageLayout"]], Iterator[Span]]


@dataclass(slots=True)
class PageLayout:
    """A page and its extents of code, of code and tables (`fixed`), and of those and lists."""

    number: int
    text: str
    code: list[Extent] = field(default_factory=list)
    fixed: list[Extent] = field(default_factory=list)
    structured: list[Extent] = field(default_factory=list)


_KINDS: dict[BlockKind, tuple[str, ...]] = {
    "code": ("code", "fixed", "structured"),
    "table": ("fixed", "structured"),
    "list": ("structured",),
}


def layouts(pages: Iterable[Page], blocks: Iterable[Block]) -> list[PageLayout]:
    """The pages with what their blocks say about them."""
    found = {page.number: PageLayout(page.number, page.text) for page in pages}
    for block in blocks:
        for name in _KINDS.get(block.kind, ()) if block.page in found else ():
            getattr(found[block.page], name).append((block.start, block.end))
    for layout in found.values():
        for extents in (layout.code, layout.fixed, layout.structured):
            extents.sort()
    return list(found.values())


def each_page(rule: PageRule) -> DocumentRule:
    """A rule that looks at one page at a time as one for the whole document."""

    def whole(found: Sequence[PageLayout]) -> Iterator[Span]:
        for layout in found:
            for start, end in rule(layout):
                yield Span(layout.number, start, end)

    return whole


def outside(kept: Sequence[Extent], found: Iterable[Extent]) -> Iterator[Extent]:
    """Those of the extents that touch nothing of what is kept."""
    ends = [end for _, end in kept]
    for start, end in found:
        at = bisect_right(ends, start)
        if at == len(kept) or kept[at][0] >= end:
            yield start, end


def lines(text: str) -> Iterator[Extent]:
    """Every line with its line break."""
    position = 0
    for line in text.splitlines(keepends=True) if "\n" in text else [text]:
        yield position, position + len(line)
        position += len(line)


class KeptText:
    """Answers what is left of a slice of one page."""

    def __init__(self, text: str, removals: Sequence[Removal]) -> None:
        """`removals` are those of this page, in order, without overlaps."""
        self._text = text
        self._removals = removals
        self._starts = [removal.start for removal in removals]
        self._inside_words = [
            removal.start for removal in removals if _may_join_words(text, removal)
        ]

    def of(self, start: int, end: int) -> str:
        """The slice without the removed characters, and with what stands in their place."""
        if not self._removals:
            return self._text[start:end]
        kept = []
        position = start
        first = max(0, bisect_left(self._starts, start) - 1)
        for number in range(first, bisect_left(self._starts, end)):
            removal = self._removals[number]
            if removal.end > position:
                kept.append(self._text[position : max(position, removal.start)])
                if removal.start >= start:
                    kept.append(removal.instead)
                position = removal.end
        kept.append(self._text[position : max(position, end)])
        return "".join(kept)

    def joints(self, start: int, end: int) -> int:
        """At how many places of the slice a removal joins what were two words or parts of one."""
        return bisect_left(self._inside_words, end) - bisect_left(self._inside_words, start)


def _may_join_words(text: str, removal: Removal) -> bool:
    if not removal.instead:
        return not text[removal.start : removal.end].isspace()
    return any(
        0 < at < len(text) and text[at - 1 : at + 1].isalnum()
        for at in (removal.start, removal.end)
    )


def kept_texts(pages: Iterable[Page], removals: Iterable[Removal]) -> dict[int, KeptText]:
    """The kept text of each page, by its number; the removals of a page are in order."""
    by_page: dict[int, list[Removal]] = {}
    for removal in removals:
        by_page.setdefault(removal.page, []).append(removal)
    return {page.number: KeptText(page.text, by_page.get(page.number, ())) for page in pages}
