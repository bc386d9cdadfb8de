"""Lines that are headings without any markup: `第一回 …`, `第三十三条`, `Chapter 1`, `1.2 Title`.

Only short lines that do not read as a sentence count: a wrong heading would stand above every
chunk that follows. A single number ("1. Buy milk") is a list item more often than a heading and
is left alone.
"""

from __future__ import annotations

import re

MAX_HEADING_CHARACTERS = 80
_MAX_HAN_HEADING = 60
_MAX_HAN_WORDS_ALONE = 25

_NUMBER = "[0-9０-９零〇一二三四五六七八九十百千两]{1,9}"
_UNITS = {
    **dict.fromkeys(("卷", "部", "部分", "篇", "编", "編", "集"), 1),
    **dict.fromkeys(("章", "回", "讲", "講"), 2),
    **dict.fromkeys(("节", "節"), 3),
    **dict.fromkeys(("条", "條"), 4),
}
_HAN_ORDINAL = re.compile(
    rf"(?:正文\s*)?第{_NUMBER}(部分|[卷部篇编編集章回讲講节節条條])(?:[\s:：]|(?=\S)|$)"
)
_HAN_SENTENCE = re.compile(r"[。；！？;!?]|[，,、：:]$")
_HAN_ALONE = re.compile(
    r"(?:自?序言?|前言|引言|引子|楔子|尾声|后记|後記|致谢|总则|附则|附录\S{0,20})$"
)
_HAN_LISTED = re.compile(r"[一二三四五六七八九十]{1,3}、\S")

_WORDS = {"part": 1, "book": 1, "chapter": 2, "appendix": 2, "section": 3, "article": 3}
_NAMED = re.compile(
    r"(part|book|chapter|appendix|section|article)\s+"
    r"(?:\d{1,4}(?:\.\d{1,4})*|[IVXLC]{1,7}|[A-Z])(?:[.:]?\s+\S.*|[.:])?$",
    re.IGNORECASE,
)
_PARAGRAPH_SIGN = re.compile(r"§+\s?\d+[a-z]?\b")
_NUMBERED = re.compile(r"(\d{1,3}(?:\.\d{1,3}){1,4})\.?\s+[^\W\d_a-z]\S*")
_UNLIKE_A_TITLE = re.compile(r"\.{3,}|…|[.,;:?!]$|\s\d+$|[.!?]\s+[A-Z]")


def heading_level(line: str) -> int | None:
    """How deep a line stands as a heading (1 outermost), or None if it is none."""
    line = line.strip()
    if not line or len(line) > MAX_HEADING_CHARACTERS:
        return None
    return _han_level(line) or _western_level(line)


def _han_level(line: str) -> int | None:
    if len(line) > _MAX_HAN_HEADING or _HAN_SENTENCE.search(line):
        return None
    if (ordinal := _HAN_ORDINAL.match(line)) is not None:
        return _UNITS[ordinal[1]]
    if _HAN_ALONE.match(line):
        return 2
    return 4 if len(line) <= _MAX_HAN_WORDS_ALONE and _HAN_LISTED.match(line) else None


def _western_level(line: str) -> int | None:
    named = _NAMED.match(line)
    if named is not None and line[0].isupper() and not line.endswith((",", ";")):
        return None if "..." in line else _WORDS[named[1].lower()]
    if _UNLIKE_A_TITLE.search(line):
        return None
    if _PARAGRAPH_SIGN.match(line):
        return 3
    numbered = _NUMBERED.match(line)
    return numbered[1].count(".") + 2 if numbered is not None else None
