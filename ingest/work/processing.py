"""From a document's text to its chunks: cleaning, splitting, the sums. No file and no store.

Ingest and preview both go through here, so that a preview shows what an upload would do.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from ingest.clean.cleaning import RULES, clean, refuse_too_much
from ingest.split import separators
from ingest.split.splitting import split
from ingest.types import Extraction, Removal
from ingest.work.receipt import Balance, balance
from kb.errors import UnreadableFile
from kb.protocols import Tokenizer
from kb.types import Chunk, Processing


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
