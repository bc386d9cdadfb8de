"""The numbers of ordered lists of HTML, as a browser writes them before the items."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborNode

from ingest.readers.list_numbers import FORMATS
from ingest.readers.web.html_boilerplate import children

_STYLE = re.compile(
    r"(?:^|;)\s*list-style(?:-type)?\s*:[^;]*?\b(none|(?:lower|upper)-(?:alpha|latin|roman))"
)
_KINDS = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_STYLES = {"alpha": "Letter", "latin": "Letter", "roman": "Roman"}
_INTEGER = re.compile(r"\s*[-+]?\d{1,9}\s*$")


class ListNumbers:
    """Counts items while a page is walked; hidden ones are not met, and a browser skips them."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}

    def label(self, item: LexborNode) -> str:
        """What stands before an item, such as "3. "; empty in a list without numbers."""
        outer = item.parent
        if outer is None or outer.tag != "ol":
            return ""
        is_reversed = "reversed" in outer.attributes
        number = _integer(item, "value")
        if number is None:
            number = self._next.get(outer.mem_id)
        if number is None:
            number = _integer(outer, "start")
        if number is None:
            number = sum(one.tag == "li" for one in children(outer)) if is_reversed else 1
        self._next[outer.mem_id] = number - 1 if is_reversed else number + 1
        kind = _kind(item) or _kind(outer)
        return "" if kind == "none" else f"{FORMATS.get(kind, str)(number) or number}. "


def _integer(node: LexborNode, name: str) -> int | None:
    value = node.attributes.get(name) or ""
    return int(value) if _INTEGER.match(value) else None


def _kind(node: LexborNode) -> str:
    """A name of `FORMATS`, "none" for a list without numbers, "" where the element does not say."""
    style = _STYLE.search((node.attributes.get("style") or "").lower())
    if style is None:
        return _KINDS.get(node.attributes.get("type") or "", "")
    case, _, form = style[1].partition("-")
    return case + _STYLES[form] if form else case
