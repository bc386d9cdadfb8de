"""Separators that a dataset names itself: where they stand, and what is cut between them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from ingest.clean.patterns import find
from ingest.split.segments import non_blank
from ingest.types import Removal
from kb.types import Extent, Page, SplitOptions

RULE = "separator"
"""Under this name the receipt counts separators that are left out."""

Cuts = Mapping[int, Sequence[Extent]]
"""Page number → where separators stand in it, in order and apart."""

_ESCAPES = {"\\r\\n": "\n", "\\n": "\n", "\\r": "\n", "\\t": "\t", "\r\n": "\n", "\r": "\n"}


def cuts(pages: Sequence[Page], options: SplitOptions) -> Cuts:
    """Where the separators stand; nowhere unless the mode is `separator`.

    A literal one is taken character by character, in any script; only `\\n` and `\\t`, which people
    write for a line break and a tab, are read as such.

    Raises:
        Rejected: the regular expression is not valid.
        UnreadableFile: the regular expression takes too long.
    """
    if options.mode != "separator":
        return {}
    if options.regex:
        found = find([options.separator], [page.text for page in pages])
        return {page.number: extents for page, extents in zip(pages, found, strict=True)}
    separator = literal(options.separator)
    return {page.number: list(_all(page.text, separator)) for page in pages}


def literal(separator: str) -> str:
    """The characters that a separator stands for, in the form that page text has."""
    for escape, character in _ESCAPES.items():
        separator = separator.replace(escape, character)
    return unicodedata.normalize("NFC", separator)


def left_out(pages: Sequence[Page], found: Cuts, options: SplitOptions) -> Iterator[Removal]:
    """The separators as what is taken out of the text, unless they are kept or only white space."""
    if options.keep_separator:
        return
    texts = {page.number: page.text for page in pages}
    for page, extents in found.items():
        for start, end in extents:
            if not texts[page][start:end].isspace():
                yield Removal(RULE, page, start, end, instead="\n")


def between(text: str, found: Sequence[Extent], options: SplitOptions) -> Iterator[Extent]:
    """What stands between the separators, without outer white space; a kept separator ends its
    segment."""
    position = 0
    for start, end in (*found, (len(text), len(text))):
        stop = end if options.keep_separator else start
        yield from non_blank(text, position, stop)
        position = max(position, end)


def _all(text: str, separator: str) -> Iterator[Extent]:
    position = text.find(separator) if separator else -1
    while position >= 0:
        yield position, position + len(separator)
        position = text.find(separator, position + len(separator))
