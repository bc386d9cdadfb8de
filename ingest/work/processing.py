"""From a document's text to its chunks and its receipt: cleaning, splitting, the sums. No file and
no store. Ingest and preview both go through here, so that a preview shows what an upload would do.

    characters == kept + removed + blank

`kept` stand in a chunk or in the passage that it returns, and in the text that is searched;
`removed` were taken out by a rule; `blank` is white space in neither. A character that is none of
these is lost, and a document with one is not stored: that would be our mistake.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ingest.clean.cleaning import RULES, clean, refuse_too_much, visible
from ingest.clean.kept_text import KeptText
from ingest.split import separators
from ingest.split.splitting import split
from ingest.types import Extraction, Removal
from kb.errors import KnowledgeBaseError, UnreadableFile
from kb.protocols import Tokenizer
from kb.types import Chunk, Extent, Page, Processing, Span

REPLACEMENT = "\ufffd"


class Unbalanced(KnowledgeBaseError):
    """The sums of a document do not add up, so something of it would be missing in searches."""

    code = "receipt_unbalanced"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The receipt of this document does not balance: {reason}. Nothing of it was stored. "
            "This is a fault of the server; please report it with the file."
        )


@dataclass(frozen=True, slots=True)
class Balance:
    """Characters of all pages by what became of them. `overlap`: how many stand in further chunks
    too; they count once in `kept`."""

    characters: int
    kept: int
    removed: int
    blank: int
    lost: int
    overlap: int


def balance(pages: Sequence[Page], removals: Sequence[Removal], chunks: Sequence[Chunk]) -> Balance:
    """Count a document's characters.

    Raises:
        Unbalanced: a visible character is nowhere, two rules took the same one, or the text that
            is searched lacks some of a chunk.
    """
    taken = _by_page(removals)
    shown = _spans_by_page(chunks)
    totals = [
        _page_balance(page, taken.get(page.number, []), shown.get(page.number, []))
        for page in pages
    ]
    result = Balance(
        characters=sum(len(page.text) for page in pages),
        kept=sum(total.kept for total in totals),
        removed=sum(removal.end - removal.start for removal in removals),
        blank=sum(total.blank for total in totals),
        lost=sum(total.lost for total in totals),
        overlap=_overlap(chunks),
    )
    if result.lost:
        raise Unbalanced(f"{result.lost} characters are in no chunk and no rule took them")
    if result.kept + result.removed + result.blank != result.characters:
        raise Unbalanced(f"the parts of {asdict(result)} do not add up")
    _check_searched_text(pages, taken, chunks)
    return result


def receipt(
    size_bytes: int,
    extraction: Extraction,
    removals: Iterable[Removal],
    chunks: Sequence[Chunk],
    *,
    sums: Balance,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """The receipt as it is stored and shown. `removed` has the characters that each rule took."""
    removed: dict[str, int] = {}
    for removal in removals:
        removed[removal.rule] = removed.get(removal.rule, 0) + removal.end - removal.start
    return {
        "bytes": size_bytes,
        "characters": sums.characters,
        "removed": removed,
        "balance": asdict(sums),
        "pages": len(extraction.pages),
        "pages_without_text": list(extraction.empty_pages),
        "chunks": len(chunks),
        "truncated": 0,  # the embedder refuses a text that it would have to cut
        "replaced": sum(page.text.count(REPLACEMENT) for page in extraction.pages),
        "encoding": extraction.encoding,
        "encoding_confidence": extraction.encoding_confidence,
        "parser": extraction.parser,
        "warnings": list(extraction.warnings),
        "seconds": {stage: round(value, 3) for stage, value in seconds.items()},
    }


def _page_balance(page: Page, removals: Sequence[Removal], spans: Sequence[Span]) -> Balance:
    """Of one page; removals and spans may come in any order."""
    taken = _union((removal.start, removal.end) for removal in removals)
    covered = _union([*((span.start, span.end) for span in spans), *taken])
    gone = _measure(taken)
    gaps = [page.text[start:end] for start, end in _gaps(covered, len(page.text))]
    lost = sum(map(visible, gaps))
    return Balance(
        characters=len(page.text),
        kept=_measure(covered) - gone,
        removed=gone,
        blank=sum(map(len, gaps)) - lost,
        lost=lost,
        overlap=0,
    )


def _check_searched_text(
    pages: Sequence[Page], taken: Mapping[int, Sequence[Removal]], chunks: Iterable[Chunk]
) -> None:
    """What stands in the spans and was not removed is at the end of what is searched."""
    kept = {page.number: KeptText(page.text, taken.get(page.number, ())) for page in pages}
    passages = {chunk.parent.spans: chunk.parent for chunk in chunks if chunk.parent}
    searched = {chunk.spans: chunk.index_text for chunk in chunks}
    returned = {spans: passage.index_text for spans, passage in passages.items()}
    for spans, index_text in (*searched.items(), *returned.items()):
        wanted = "".join("".join(kept[s.page].of(s.start, s.end).split()) for s in spans)
        if not "".join(index_text.split()).endswith(wanted):
            raise Unbalanced(f"the text that is searched lacks some of {spans}")


def _overlap(chunks: Sequence[Chunk]) -> int:
    by_page: dict[int, list[Extent]] = {}
    for chunk in chunks:
        for span in chunk.spans:
            by_page.setdefault(span.page, []).append((span.start, span.end))
    return sum(_measure(extents) - _measure(_union(extents)) for extents in by_page.values())


def _by_page(removals: Iterable[Removal]) -> dict[int, list[Removal]]:
    found: dict[int, list[Removal]] = {}
    for removal in removals:
        found.setdefault(removal.page, []).append(removal)
    return found


def _spans_by_page(chunks: Iterable[Chunk]) -> dict[int, list[Span]]:
    """Of chunks and of the passages that they return."""
    found: dict[int, list[Span]] = {}
    passages = {chunk.parent.spans for chunk in chunks if chunk.parent is not None}
    for spans in (*(chunk.spans for chunk in chunks), *passages):
        for span in spans:
            found.setdefault(span.page, []).append(span)
    return found


def _union(extents: Iterable[Extent]) -> list[Extent]:
    merged: list[Extent] = []
    for start, end in sorted(extents):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _measure(extents: Iterable[Extent]) -> int:
    return sum(end - start for start, end in extents)


def _gaps(covered: Iterable[Extent], length: int) -> Iterator[Extent]:
    position = 0
    for start, end in covered:
        yield position, start
        position = end
    yield position, length


@dataclass(frozen=True, slots=True)
class Processed:
    """What a document becomes. With a `refusal` it must not be stored: it is for showing only."""

    removals: tuple[Removal, ...]
    chunks: tuple[Chunk, ...]
    balance: Balance
    seconds: Mapping[str, float]
    refusal: UnreadableFile | None


def process(
    extraction: Extraction,
    processing: Processing,
    tokenizer: Tokenizer,
    *,
    max_tokens: int,
    chunk_prefix: str,
    document_id: str,
) -> Processed:
    """Clean and split a document as a dataset wants it.

    Args:
        extraction: what its reader got out of it.
        tokenizer: the embedder's own.
        max_tokens: tokens that the embedder reads.

    Raises:
        UnreadableFile: the way of splitting does not fit, or regular expressions took too long.
        Unbalanced: a character would be lost.
    """
    began = time.perf_counter()
    options = processing.split
    cuts = separators.cuts(extraction.pages, options)
    removals = clean(
        extraction.pages,
        extraction.blocks,
        processing.clean,
        processing.custom_regex,
        first=separators.left_out(extraction.pages, cuts, options),
    )
    cleaned = time.perf_counter()
    chunks = split(
        extraction,
        removals,
        tokenizer,
        chunk_prefix=chunk_prefix,
        document_id=document_id,
        max_tokens=max_tokens,
        options=options,
        cuts=cuts,
    )
    sums = balance(extraction.pages, removals, chunks)
    return Processed(
        removals=removals,
        chunks=tuple(chunks),
        balance=sums,
        seconds={"clean": cleaned - began, "split": time.perf_counter() - cleaned},
        refusal=_refusal(extraction, processing, removals, chunks),
    )


def _refusal(
    extraction: Extraction,
    processing: Processing,
    removals: tuple[Removal, ...],
    chunks: list[Chunk],
) -> UnreadableFile | None:
    try:
        refuse_too_much(extraction.pages, removals, RULES, processing.clean_max_share)
    except UnreadableFile as exc:
        return exc
    if not chunks:
        return UnreadableFile("The file holds no text that could be searched.", reason="no_text")
    return None
