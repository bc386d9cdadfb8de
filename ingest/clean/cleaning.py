"""Cleaning: which characters of a document are kept out of `index_text`, and by which rule.

Nothing changes page text, so quotes stay original and a preview can colour what goes. The rules
themselves are in `ingest/clean/rules`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ingest.clean.addresses import emails, urls
from ingest.clean.characters import control_characters, extra_spaces, hyphenation
from ingest.clean.page_layout import DocumentRule, PageLayout, each_page, layouts
from ingest.clean.patterns import find
from ingest.clean.repeated import boilerplate, duplicate_lines, headers_footers
from ingest.types import Removal
from kb.errors import Rejected, UnreadableFile
from kb.types import Block, Extent, Page, Span

__all__ = ["RULES", "Removal", "clean", "known_rules", "refuse_too_much"]

CUSTOM = "custom_regex"

RULES: dict[str, tuple[DocumentRule, bool]] = {
    "control_characters": (each_page(control_characters), True),
    "headers_footers": (headers_footers, True),
    "urls": (each_page(urls), False),
    "emails": (each_page(emails), False),
    "boilerplate": (each_page(boilerplate), False),
    "duplicate_lines": (duplicate_lines, False),
    CUSTOM: (lambda _layouts: iter(()), True),
    "hyphenation": (each_page(hyphenation), True),
    "extra_spaces": (each_page(extra_spaces), True),
}
"""Name → (rule, on by default). Characters that two rules take are the first one's in this table.
`custom_regex` has no patterns here; they come with the dataset."""

_OTHER_NAMES = {
    "remove_extra_spaces": ("extra_spaces",),
    "remove_urls_emails": ("urls", "emails"),
    "remove_stopwords": (),
}
"""Names of other systems for our rules."""


def known_rules(rules: Mapping[str, bool]) -> dict[str, bool]:
    """The switches under our own names; those of Dify work as well.

    Raises:
        Rejected: a name is unknown, with the known ones, or stands for something not done here.
    """
    if rules.get("remove_stopwords"):
        raise Rejected(
            "`remove_stopwords` is not done: searches weigh common words by themselves, and a text "
            "without them is worse to search by meaning and to quote. Leave the rule out."
        )
    unknown = sorted(set(rules) - set(RULES) - set(_OTHER_NAMES))
    if unknown:
        raise Rejected(
            f"Unknown cleaning rule {', '.join(unknown)}. Known are: {', '.join(RULES)}."
        )
    return {own: is_on for name, is_on in rules.items() for own in _OTHER_NAMES.get(name, (name,))}


def clean(
    pages: Iterable[Page],
    blocks: Iterable[Block],
    rules: Mapping[str, bool],
    patterns: Sequence[str] = (),
    *,
    first: Iterable[Removal] = (),
) -> tuple[Removal, ...]:
    """What the chosen rules remove, in order and without overlaps.

    Args:
        pages: the document's pages.
        blocks: their blocks, for what is code, a table or a list.
        rules: name → on or off; a rule that is not named keeps its default.
        patterns: regular expressions of the rule `custom_regex`.
        first: what is taken out already; it is part of the result.

    Raises:
        Rejected: a rule name is unknown or a pattern not valid.
        UnreadableFile: the patterns took too long.
    """
    chosen = _chosen(rules, patterns)
    found = layouts(pages, blocks)
    taken: dict[int, list[Removal]] = {layout.number: [] for layout in found}
    for removal in first:
        taken[removal.page].append(removal)
    for name, rule in chosen.items():
        fresh: dict[int, list[Extent]] = {}
        for span in rule(found):
            fresh.setdefault(span.page, []).append((span.start, span.end))
        for page, extents in fresh.items():
            taken[page] = _joined(taken[page], _removals(name, page, extents, taken[page]))
    return tuple(removal for layout in found for removal in taken[layout.number])


def refuse_too_much(
    pages: Sequence[Page], removals: Iterable[Removal], rules: Iterable[str], most: float
) -> None:
    """Refuse a document of which hardly anything would be left to search.

    Visible characters count: white space that goes is not a loss.

    Args:
        rules: those whose removals count.
        most: the share of the characters that may go, 0 to 1.

    Raises:
        UnreadableFile: reason `cleaned_too_much`, with the rule that took most.
    """
    texts = {page.number: page.text for page in pages}
    gone = dict.fromkeys(rules, 0)
    for removal in removals:
        if removal.rule in gone:
            gone[removal.rule] += visible(texts[removal.page][removal.start : removal.end])
    lost = sum(gone.values())
    if not lost or lost <= most * (whole := sum(map(visible, texts.values()))):
        return
    rule = max(gone, key=lambda name: gone[name])
    raise UnreadableFile(
        f"Cleaning takes out {lost / whole:.0%} of the text, of which the rule {rule!r} takes "
        f"{gone[rule] / whole:.0%}; {most:.0%} is allowed. Switch the rule off for this dataset, "
        "or raise its `clean_max_share`.",
        reason="cleaned_too_much",
    )


def visible(text: str) -> int:
    """Characters that are not white space."""
    return len("".join(text.split()))


def _chosen(rules: Mapping[str, bool], patterns: Sequence[str]) -> dict[str, DocumentRule]:
    wanted = known_rules(rules)

    def custom(found: Sequence[PageLayout]) -> Iterator[Span]:
        matches = find(patterns, [layout.text for layout in found])
        for layout, extents in zip(found, matches, strict=True):
            for start, end in extents:
                yield Span(layout.number, start, end)

    table = {**RULES, CUSTOM: (custom, True)}
    return {name: rule for name, (rule, default) in table.items() if wanted.get(name, default)}


def _removals(
    rule: str, page: int, extents: list[Extent], taken: Sequence[Removal]
) -> Iterator[Removal]:
    """The extents without what is taken and without what they share."""
    starts = [removal.start for removal in taken]
    position = 0
    for first, end in sorted(extents, key=lambda extent: (extent[0], -extent[1])):
        start = max(first, position)
        at = max(0, bisect_right(starts, start) - 1)
        while start < end and at < len(taken) and taken[at].start < end:
            if taken[at].start > start:
                yield Removal(rule, page, start, taken[at].start)
            start = max(start, taken[at].end)
            at += 1
        if start < end:
            yield Removal(rule, page, start, end)
        position = max(position, end)


def _joined(taken: list[Removal], fresh: Iterable[Removal]) -> list[Removal]:
    more = list(fresh)
    if not taken:
        return more
    return sorted([*taken, *more], key=lambda removal: removal.start)
