"""Rules on web and mail addresses. They are ASCII: a full stop or any letter of another script
behind one is the sentence going on, so `见https://a.b/c。第三章` loses its address and no more.

Code is left alone. Of a Markdown link or image the text stays: `[the form](https://a.b)` is
searched as `the form`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingest.clean.page_layout import PageLayout, outside
from kb.types import Extent

_URL = re.compile(
    r"(?:(?:https?|ftp)://|(?<![A-Za-z0-9@./-])www\.(?=[A-Za-z0-9]))"
    r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]{1,2000}",
    re.IGNORECASE,
)
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])(?:mailto:)?[A-Za-z0-9._%+-]{1,64}@"
    r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,8}\.[A-Za-z]{2,24}"
)
_TITLE = re.compile(r"[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*')[ \t]*\)")
_CLOSING = {")": "(", "]": "["}
_AFTER_WORDS = ("", *" \n.,;:!?)]。，、；：！？）」』”")
_NEVER_LAST = ".,;:!?'*(["
_LONGEST_LABEL = 500


def urls(layout: PageLayout) -> Iterator[Extent]:
    """Web addresses, with the brackets of a Markdown link or of `<…>` around them."""
    yield from outside(layout.code, _urls(layout.text))


def emails(layout: PageLayout) -> Iterator[Extent]:
    """Mail addresses."""
    if "@" in layout.text:
        found = (_with_blank(layout.text, *match.span()) for match in _EMAIL.finditer(layout.text))
        yield from outside(layout.code, found)


def _urls(text: str) -> Iterator[Extent]:
    position = 0
    while (match := _URL.search(text, position)) is not None:
        start, end = match.start(), _end(text, *match.span())
        position = max(end, start + 1)
        if text[start - 2 : start] == "](" and (label := _label(text, start - 2)) is not None:
            yield from _link(text, label, start, end)
        elif start and text[start - 1] == "<" and text[end : end + 1] == ">":
            yield start - 1, end + 1
        else:
            yield _with_blank(text, start, end)


def _end(text: str, start: int, end: int) -> int:
    """Where an address ends: before a bracket that was not opened in it, and before what ends a
    sentence."""
    opened: list[str] = []
    for position in range(start, end):
        character = text[position]
        if character in "([":
            opened.append(character)
        elif character in _CLOSING and (not opened or opened.pop() != _CLOSING[character]):
            end = position
            break
    while text[end - 1] in _NEVER_LAST:
        end -= 1
    return end


def _label(text: str, close: int) -> int | None:
    """Where the bracket opens that closes at `close`; None if it does not."""
    depth = 0
    for position in range(close, max(-1, close - _LONGEST_LABEL), -1):
        if text[position] == "]":
            depth += 1
        elif text[position] == "[":
            depth -= 1
            if not depth:
                return position
    return None


def _link(text: str, label: int, start: int, end: int) -> Iterator[Extent]:
    yield label - (text[label - 1 : label] == "!"), label + 1
    title = _TITLE.match(text, end)
    if title is not None:
        yield start - 2, end
        yield title.end() - 1, title.end()
    else:
        yield start - 2, end + (text[end : end + 1] == ")")


def _with_blank(text: str, start: int, end: int) -> Extent:
    """With the blank before it unless a word follows."""
    is_last = text[end : end + 1] in _AFTER_WORDS
    return (start - 1 if start and text[start - 1] == " " and is_last else start), end
