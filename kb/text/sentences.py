"""Sentences: where they begin and end in a text.

Offsets are characters of the text handed in and nothing is rewritten, so a sentence can be quoted:
`text[start:end]`. Quotes, brackets and footnote marks that close after the end belong to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from kb.text.scripts import HAN_KANA_HANGUL
from kb.types import Extent

_END = re.compile(
    r"(?P<mark>[.!?。！？｡…]{0,7}[.!?。！？｡])"
    r"(?P<closing>[\"'”’」』）)\]】》〉*_]*)"
    r"(?:\[\d{1,3}(?:, ?\d{1,3})*\])*"
)
_CJK_MARKS = frozenset("。！？｡")
_CJK = re.compile(f"[{HAN_KANA_HANGUL}]")
_GOES_ON = frozenset("，、；：,;:）)」』”’》〉】")
_WORD_BEFORE = re.compile(r"[^\s(\[\"“‘（「『]*$")
_WORD_AFTER = re.compile(r"[\s\"'“‘(\[「『*_`]*([^\W_]*)")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_LOOK_BACK = 24
_LONGEST_QUOTE = 500
_FIRST_WITHOUT_BLANKS = "\u2e80"
"""From here on, Unicode holds the East Asian scripts, which put no blanks between words."""

_NEVER_ENDS = re.compile(
    r"mr|mrs|ms|dr|prof|st|gen|col|sgt|capt|lt|rev|hon|gov|sen|rep|pres|messrs|mme|mlle|"
    r"figs?|eqs?|sec|ch|chap|vols?|nos?|pp?|eds?|art|cf|vs?|e\.g|i\.e|eg|ie|viz|approx|ca|op|resp|ext|"
    r"tel|nr|abs|bzw|ggf|vgl|inkl|zzgl|z",
    re.IGNORECASE,
)
_MAY_END = re.compile(
    r"etc|inc|ltd|co|corp|jr|sr|bros|dept|est|ave|blvd|al|jan|feb|mar|apr|jun|jul|aug|sept?|oct|"
    r"nov|dec|mon|tue|wed|thu|fri|sat|sun",
    re.IGNORECASE,
)
_STARTERS = re.compile(
    r"The|An?|In|On|At|By|For|From|With|As|Its?|He|She|They|We|You|This|That|These|Those|There|"
    r"Here|When|While|If|But|And|Or|So|However|After|Before|During|Since|Because|Although|His|Her|"
    r"Their|Our|What|Who|How|Why|Where|Which|Many|Most|Some|All|Both|Each|Such|To|Under|Over|Then|"
    r"Today"
)
_GERMAN_STARTERS = re.compile(
    r"Der|Die|Das|Den|Dem|Diese[rsnm]?|Eine?[rsnm]?|Er|Sie|Es|Wir|Ihre?|Bitte|I[mn]|A[bm]|Auf|Bei|Bis|"
    r"Danach|Dann|Für|Mit|Nach|Vor|Während|Wenn|Wer|Wie|Was|Zu[mr]?|Alle|Jede[rsnm]?"
)
_GERMAN_ORDINAL = re.compile(
    r"(?<![^\W_])(?:(?<!I )am|im|vom|zum|zur|bis|ab|dem|den|der|des|die|das)\s+\d{1,2}$",
    re.IGNORECASE,
)
"""What stands before the stop of "am 31. März" and "im 3. Stock": four of four such sentences in
`tests/kb/text/test_sentences.py` were cut there."""

_FENCE = re.compile(r"\s*(?:```|~~~)")
_ALONE = re.compile(r"\s*(?:#{1,6}\s|\||[-=*_]{3,}\s*$|///|:::|[^|\s][^|\n]* \| [^|\n:]{1,80}: )")
_NEXT_CELL = re.compile(r"[ \t]+\|[ \t]")
_ITEM = re.compile(
    r"\s*(?:[-*+•·●▪]\s|\d{1,3}[.)]\s|\(\w{1,3}\)\s|>)|\u3000|\s*第[〇零一二三四五六七八九十百千\d]{1,7}[章节回条篇编卷款]"
)
_BREAKABLE = re.compile(r"[\s，、；：,;:|]")


def sentence_extents(text: str, *, limit: int | None = None) -> list[Extent]:
    """Where each sentence of a text starts and ends (exclusive), in order, without outer blanks.

    A blank line, a heading, a list item, a table row (in Markdown, or `header: value | …` as our
    readers write it) and a line of a code block end a sentence even without a full stop; other
    line breaks do not, nor does a full stop at the end of a cell. Every character that is not
    white space is in exactly one sentence.

    Args:
        text: prose or Markdown, in any script; the rules know English and CJK punctuation.
        limit: longer sentences are cut at blanks or commas into parts of at most so many
            characters.
    """
    extents: list[Extent] = []
    for block_start, block_end in _blocks(text):
        for start, end in _sentences(text, block_start, block_end):
            if limit is None or end - start <= limit:
                extents.append((start, end))
            else:
                extents.extend(_parts(text, start, end, limit))
    return extents


def joined(parts: Iterable[str]) -> str:
    """Parts of a sentence as one text: set apart by a blank, unless their script has none."""
    text = ""
    for part in parts:
        if text and part and max(text[-1], part[0]) < _FIRST_WITHOUT_BLANKS:
            text += " "
        text += part
    return text


def trimmed(text: str, start: int, end: int) -> Extent:
    """The same extent without white space at its edges; start == end if nothing is left."""
    piece = text[start:end]
    stripped = piece.strip()
    if not stripped:
        return start, start
    start += len(piece) - len(piece.lstrip())
    return start, start + len(stripped)


def _blocks(text: str) -> Iterator[Extent]:
    start = position = 0
    fenced = alone = False
    for line in text.splitlines(keepends=True):
        fence = _FENCE.match(line) is not None
        single = fenced or fence or not line.strip() or _ALONE.match(line) is not None
        if position > start and (single or alone or _ITEM.match(line)):
            yield start, position
            start = position
        fenced ^= fence
        alone = single
        position += len(line)
    if position > start:
        yield start, position


def _sentences(text: str, block_start: int, block_end: int) -> Iterator[Extent]:
    start = block_start
    for match in _END.finditer(text, block_start, block_end):
        end = _end_of_sentence(text, match, start, block_end)
        if end is not None:
            yield trimmed(text, start, end)
            start = end
    start, end = trimmed(text, start, block_end)
    if end > start:
        yield start, end


def _end_of_sentence(text: str, match: re.Match[str], start: int, block_end: int) -> int | None:
    end = match.end()
    if end >= block_end:
        return end
    if _NEXT_CELL.match(text, end):
        return None
    if not _CJK_MARKS.isdisjoint(match["mark"]):
        end = _without_opening_quote(text, match, start)
        return None if text[end] in _GOES_ON else end
    if not text[end].isspace():
        return end if _CJK.match(text, end) and not match["mark"].startswith(".") else None
    return end if _full_stop(text, match, start) else None


def _without_opening_quote(text: str, match: re.Match[str], start: int) -> int:
    """After 。 a straight quote closes only what was opened: it may open the next sentence."""
    end = match.end()
    for quote in ('"', "'"):
        at = text.find(quote, match.end("mark"), match.end("closing"))
        if at >= 0 and text.count(quote, max(start, at - _LONGEST_QUOTE), at) % 2 == 0:
            end = min(end, at)
    return end


def _full_stop(text: str, match: re.Match[str], start: int) -> bool:
    after = _WORD_AFTER.match(text, match.end())
    following = after[1] if after else ""
    if following[:1].islower():
        return False
    if match["mark"] != ".":
        return True
    stop = match.start("mark")
    before = _WORD_BEFORE.search(text[max(start, stop - _LOOK_BACK) : stop])
    word = before[0] if before else ""
    if word.isdecimal() and text[start:stop].strip() == word:
        return False
    if _GERMAN_ORDINAL.search(text, max(start, stop - _LOOK_BACK), stop):
        return bool(_STARTERS.fullmatch(following) or _GERMAN_STARTERS.fullmatch(following))
    if _INITIALS.fullmatch(word) or _MAY_END.fullmatch(word):
        return _STARTERS.fullmatch(following) is not None
    return not _NEVER_ENDS.fullmatch(word) and not _is_initial(word)


def _is_initial(word: str) -> bool:
    return len(word) == 1 and word.isupper() and word != "I"


def _parts(text: str, start: int, end: int, limit: int) -> Iterator[Extent]:
    while end - start > limit:
        cut = start + limit
        breaks = [m.end() for m in _BREAKABLE.finditer(text, start + limit // 2, cut)]
        part_start, part_end = trimmed(text, start, breaks[-1] if breaks else cut)
        if part_end > part_start:
            yield part_start, part_end
        start = breaks[-1] if breaks else cut
    start, end = trimmed(text, start, end)
    if end > start:
        yield start, end
