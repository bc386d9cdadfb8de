"""A page as cleaning rules see it, and what of it they must leave alone."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from kb.types import Block, BlockKind, Extent, Page

Place = tuple[int, int, int]
"""Number of a page, first character, behind the last."""

PageRule = Callable[["PageLayout"], Iterator[Extent]]
DocumentRule = Callable[[Sequence["PageLayout"]], Iterator[Place]]


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

    def whole(found: Sequence[PageLayout]) -> Iterator[Place]:
        for layout in found:
            for start, end in rule(layout):
                yield layout.number, start, end

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
