"""Rules on lines that a document repeats: running headers and footers, copies, page furniture."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from ingest.clean.page_layout import PageLayout, lines, outside
from kb.types import Extent, Span

FEWEST_PAGES = 3
"""A line on two pages may be chance. In 23 PDFs of 1.9 million characters 8,657 are headers and
footers with it, 8,843 with two pages, 8,651 with four."""
_EDGE_LINES = 3
"""With one to five lines the 23 PDFs lose 8,657 to 8,748 characters, with eight 12,696."""
_LONGEST_HEADER = 200
_LONGEST_NUMBER = 6
"""Half or twice of either changes nothing in those PDFs."""
_SHORTEST_COPY = 8
_LONGEST_FURNITURE = 160
"""Half or twice of the first takes 2 % more or 8 % less of 600 Markdown pages, of the second hardly
anything."""

Line = tuple[int, int, str]
"""Start, end, and the text in small letters with single blanks."""

_DIGITS = re.compile(r"\d+|(?<=第)[零〇一二三四五六七八九十百]+(?=页)")
_ARABIC = re.compile(r"\d+")
_ROMAN = re.compile(r"[ivxlc]{1,7}")
_STEP = r"(?: ?[>›»/|] ?[^>›»/|]{1,40})"
_FURNITURE = re.compile(
    r"skip to (?:main )?(?:content|navigation)|(?:back|return) to (?:the )?top|(?:main )?menu|"
    r"(?:sign|log) ?(?:in|out|up)|register|subscribe(?: now| to our newsletter)?|"
    r"(?:share|tweet|pin|follow us)(?: (?:this|on|via) .{1,40})?|print(?: this page)?|search|"
    r"(?:accept|reject|manage|allow)(?: all)? cookies?|cookie (?:policy|settings|preferences)|"
    r"(?:we|this (?:web)?site) uses? cookies .*|privacy(?: policy| notice)?|"
    r"terms (?:of|and) .{1,30}|(?:©|\(c\)|copyright\b|版权所有).*|.*all rights reserved\.?|"
    r"(?:read|learn|load) more|(?:previous|next)(?: (?:page|article|post))?|advertisement|"
    rf"related (?:articles|posts|links)|(?:home|首页|主页){_STEP}{{1,6}}|首页|主页|"
    r"(?:当前位置|您的位置|你的位置)[:： ].*|登录|注册|登录 ?[/|] ?注册|退出|搜索|返回顶部|"
    r"回到顶部|返回首页|加入收藏|设为首页|联系我们|关于我们|网站地图|免责声明|隐私政策|打印本页|关闭窗口|"
    r"分享到.{0,20}|扫一扫.{0,20}|相关阅读|相关文章|推荐阅读|广告|"
    r"(?:上一篇|下一篇|上一页|下一页)(?:[:： ].*)?|.{0,20}ICP备.*|.{0,20}公网安备.*",
    re.IGNORECASE,
)


def headers_footers(layouts: Sequence[PageLayout]) -> Iterator[Span]:
    """Lines that stand at the top or the bottom of most pages, alike but for a page number.

    Most pages, or most of those with an even or an odd number, and `FEWEST_PAGES` at least. Only
    what reaches from the edge of the page without a gap counts, in flowing text. Numbers that do
    not count the pages are content: invoice 17 and invoice 23 are not one header. If most pages
    hold nothing else, it is their content.
    """
    pages = [layout for layout in layouts if layout.text.strip()]
    if len(pages) < FEWEST_PAGES:
        return
    found = {layout.number: set[Extent]() for layout in pages}
    for backwards in (False, True):
        for span in _running(pages, backwards=backwards):
            found[span.page].add((span.start, span.end))
    bare = sum(_is_all(layout.text, found[layout.number]) for layout in pages)
    if bare * 2 <= len(pages):
        for layout in pages:
            for start, end in sorted(found[layout.number]):
                whole = _whole_line(layout.text, start, end)
                is_free = any(outside(layout.structured, [whole]))  # a line break may be code's
                yield Span(layout.number, *(whole if is_free else (start, end)))


def _running(pages: Sequence[PageLayout], *, backwards: bool) -> Iterator[Span]:
    edges = {layout.number: list(_edge(layout, backwards=backwards)) for layout in pages}
    repeated = _repeated(edges)
    for number, edge in edges.items():
        for start, end, line in edge:
            if _key(line) not in repeated:
                break
            yield Span(number, start, end)


def duplicate_lines(layouts: Sequence[PageLayout]) -> Iterator[Span]:
    """Lines that stand in the document before, character by character, but for very short ones."""
    seen: set[str] = set()
    for layout in layouts:
        for start, end in outside(layout.fixed, lines(layout.text)):
            line = layout.text[start:end].strip()
            if len(line) < _SHORTEST_COPY:
                continue
            if line in seen:
                yield Span(layout.number, start, end)
            seen.add(line)


def boilerplate(layout: PageLayout) -> Iterator[Extent]:
    """Lines of web pages that say nothing: menus, cookie notices, copyright, share buttons."""
    for start, end in outside(layout.fixed, lines(layout.text)):
        line = layout.text[start:end].strip(" \t\r\n*-•·|#")
        if line and len(line) <= _LONGEST_FURNITURE and _FURNITURE.fullmatch(line):
            yield start, end


def _edge(layout: PageLayout, *, backwards: bool) -> Iterator[Line]:
    """The outermost lines that are not blank."""
    text, found = layout.text, 0
    position = len(text) if backwards else 0
    while found < _EDGE_LINES and (position > 0 if backwards else position < len(text)):
        if backwards:
            start, end = text.rfind("\n", 0, position) + 1, position
            position = start - 1
        else:
            start, end = position, text.find("\n", position)
            end = len(text) if end < 0 else end
            position = end + 1
        if not text[start:end].strip():
            continue
        if end - start > _LONGEST_HEADER or not any(outside(layout.structured, [(start, end)])):
            return
        found += 1
        yield start, end, " ".join(text[start:end].casefold().split())


def _key(line: str) -> str:
    """What is left of a line when its numbers are all the same."""
    return "0" if _ROMAN.fullmatch(line) else _DIGITS.sub("0", line)


def _repeated(edges: dict[int, list[Line]]) -> set[str]:
    where: dict[str, dict[int, str]] = {}
    for number, found in edges.items():
        for _, _, line in found:
            where.setdefault(_key(line), {}).setdefault(number, line)
    return {
        key
        for key, by_page in where.items()
        if _are_most(by_page, edges) and _differ_by_page_number(by_page)
    }


def _differ_by_page_number(lines: Mapping[int, str]) -> bool:
    """Whether the lines are the same, or one of their numbers goes up with the pages."""
    if len(set(lines.values())) == 1 or not any(map(_ARABIC.search, lines.values())):
        return True
    ahead = Counter(
        (place, int(value) - page)
        for page, line in lines.items()
        for place, value in enumerate(_ARABIC.findall(line))
        if len(value) <= _LONGEST_NUMBER
    )
    return max(ahead.values(), default=0) * 2 > len(lines)


def _are_most(numbers: Collection[int], pages: Iterable[int]) -> bool:
    if len(numbers) < FEWEST_PAGES:
        return False
    every = list(pages)
    sides = (every, [n for n in every if n % 2], [n for n in every if not n % 2])
    return any(
        sum(n in numbers for n in side) >= max(FEWEST_PAGES, len(side) // 2 + 1) for side in sides
    )


def _is_all(text: str, extents: Iterable[Extent]) -> bool:
    """Whether nothing else is on the page."""
    return sum(len(text[start:end].strip()) for start, end in extents) * 2 > len(text.strip()) and (
        "".join(text.split()) == "".join("".join(text[s:e].split()) for s, e in sorted(extents))
    )


def _whole_line(text: str, start: int, end: int) -> Extent:
    """A line with the line break behind it, or the one before it at the end of a page."""
    if end < len(text):
        return start, end + 1
    return max(0, start - 1), end
