"""From a document's text to its chunks and its receipt: cleaning, splitting, the sums. No file and
no store. It runs in a child, as reading does. Ingest and preview both go through here, so that a
preview shows what an upload would do.

    characters == kept + removed + blank

`kept` stand in a chunk or in the passage that it returns, and in the text that is searched;
`removed` were taken out by a rule; `blank` is white space in neither. A character that is none of
these is lost, and a document with one is not stored: that would be our mistake.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ingest.clean.cleaning import RULES, clean, refuse_too_much, visible
from ingest.clean.page_layout import kept_texts
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
    taken = _extents_by_page(removals)
    in_chunks = _extents_by_page(span for chunk in chunks for span in chunk.spans)
    passages = {chunk.parent.spans for chunk in chunks if chunk.parent is not None}
    in_passages = _extents_by_page(span for spans in passages for span in spans)
    kept = blank = lost = 0
    for page in pages:
        gone = _union(taken[page.number])
        covered = _union([*in_chunks[page.number], *in_passages[page.number], *gone])
        gaps = [page.text[start:end] for start, end in _gaps(covered, len(page.text))]
        kept += _length(covered) - _length(gone)
        lost += sum(map(visible, gaps))
        blank += sum(len(gap) - visible(gap) for gap in gaps)
    result = Balance(
        characters=sum(len(page.text) for page in pages),
        kept=kept,
        removed=sum(removal.end - removal.start for removal in removals),
        blank=blank,
        lost=lost,
        overlap=sum(_length(found) - _length(_union(found)) for found in in_chunks.values()),
    )
    if result.lost:
        raise Unbalanced(f"{result.lost} characters are in no chunk and no rule took them")
    if result.kept + result.removed + result.blank != result.characters:
        raise Unbalanced(f"the parts of {asdict(result)} do not add up")
    _check_searched_text(pages, removals, chunks)
    return result


def _check_searched_text(
    pages: Sequence[Page], removals: Sequence[Removal], chunks: Iterable[Chunk]
) -> None:
    """What stands in the spans and was not removed is at the end of what is searched."""
    kept = kept_texts(pages, removals)
    passages = {chunk.parent.spans: chunk.parent for chunk in chunks if chunk.parent}
    searched = {chunk.spans: chunk.index_text for chunk in chunks}
    returned = {spans: passage.index_text for spans, passage in passages.items()}
    for spans, index_text in (*searched.items(), *returned.items()):
        wanted = "".join("".join(kept[s.page].of(s.start, s.end).split()) for s in spans)
        if not "".join(index_text.split()).endswith(wanted):
            raise Unbalanced(f"the text that is searched lacks some of {spans}")


def _extents_by_page(items: Iterable[Span | Removal]) -> defaultdict[int, list[Extent]]:
    found: defaultdict[int, list[Extent]] = defaultdict(list)
    for item in items:
        found[item.page].append((item.start, item.end))
    return found


def _union(extents: Iterable[Extent]) -> list[Extent]:
    merged: list[Extent] = []
    for start, end in sorted(extents):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _length(extents: Iterable[Extent]) -> int:
    return sum(end - start for start, end in extents)


def _gaps(covered: Iterable[Extent], length: int) -> Iterator[Extent]:
    position = 0
    for start, end in covered:
        yield position, start
        position = end
    yield position, length


@dataclass(frozen=True, slots=True)
class Processed:
    """What a document becomes. With a `refusal` it must not be stored: it is for showing only.

    The `receipt` is as it is stored and shown; `removed` in it has the characters of each rule.
    A parent is told no `removals` but for a preview: then the first ones, and the first chunks.
    """

    extraction: Extraction
    removals: tuple[Removal, ...]
    removal_count: int
    chunks: tuple[Chunk, ...]
    receipt: dict[str, Any]
    refusal: UnreadableFile | None


def process(
    extraction: Extraction,
    processing: Processing,
    tokenizer: Tokenizer,
    *,
    max_tokens: int,
    chunk_prefix: str,
    document_id: str,
    size_bytes: int = 0,
    read_s: float | None = None,
) -> Processed:
    """Clean and split a document as a dataset wants it.

    Args:
        extraction: what its reader got out of it.
        tokenizer: the embedder's own.
        max_tokens: tokens that the embedder reads.
        size_bytes: of its file, for the receipt; `read_s` how long the reader took, if it ran.

    Raises:
        UnreadableFile: the way of splitting does not fit, or regular expressions took too long.
        Unbalanced: a character would be lost.
    """
    began = time.perf_counter()
    options = processing.split
    cuts = separators.cuts(extraction.pages, options)
    first = separators.left_out(extraction.pages, cuts, options)
    rules, patterns = processing.clean, processing.custom_regex
    removals = clean(extraction.pages, extraction.blocks, rules, patterns, first=first)
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
    stages = {"read": read_s, "clean": cleaned - began, "split": time.perf_counter() - cleaned}
    return Processed(
        extraction=extraction,
        removals=removals,
        removal_count=len(removals),
        chunks=tuple(chunks),
        receipt={"bytes": size_bytes, **_receipt(extraction, removals, chunks, stages)},
        refusal=_refusal(extraction, processing, removals, chunks),
    )


def _receipt(
    extraction: Extraction,
    removals: Sequence[Removal],
    chunks: Sequence[Chunk],
    stages: Mapping[str, float | None],
) -> dict[str, Any]:
    sums = balance(extraction.pages, removals, chunks)
    removed: dict[str, int] = {}
    for removal in removals:
        removed[removal.rule] = removed.get(removal.rule, 0) + removal.end - removal.start
    return {
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
        "seconds": {stage: round(s, 3) for stage, s in stages.items() if s is not None},
    }


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
