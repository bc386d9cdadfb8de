"""Pages to chunks, in the embedder's own tokens, in the way that a dataset chooses.

Promises, each with a property test: `index_text` never has more tokens than the embedder reads; a
chunk's text is exactly its spans' characters; outside of chunks there is only white space, and what
a separator or a cleaning rule takes out; the same input gives the same chunks.

LlamaIndex's SentenceSplitter is not used: it returns strings, whose offsets would have to be
searched for again (its own are wrong where text repeats), and its import takes 2.3 s.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingest.clean.kept_text import KeptText
from ingest.split import separators
from ingest.split.drafting import Bench
from ingest.split.modes import CHILD_TOKENS, drafts
from ingest.split.ruler import Ruler
from ingest.split.separators import Cuts
from ingest.types import Extraction, Removal
from kb.protocols import Tokenizer
from kb.types import Chunk, Page, SplitOptions

MIN_LIMIT = 16


def split(
    extraction: Extraction,
    removals: Sequence[Removal],
    tokenizer: Tokenizer,
    *,
    chunk_prefix: str,
    document_id: str,
    max_tokens: int,
    options: SplitOptions,
    cuts: Cuts | None = None,
) -> list[Chunk]:
    """Cut a document into chunks, in reading order; chunk ids are `{chunk_prefix}.{index}`.

    `index_text` is the heading path, a line break, and the text without what was removed.
    `options.max_tokens` makes chunks smaller than the embedder's limit; without it they are as
    large as it reads, because every chunk costs a vector and long ones keep what belongs together.
    Children are `CHILD_TOKENS` large without it.

    Args:
        extraction: pages and blocks; text between blocks counts as paragraphs.
        removals: spans that cleaning takes out, per page in order.
        tokenizer: the embedder's own.
        max_tokens: tokens that the embedder reads, special ones not counted.
        cuts: where separators stand, if that is known already.

    Raises:
        ValueError: the limit is below `MIN_LIMIT` tokens, so that not even a word would fit.
        UnreadableFile: the way of splitting does not fit the document.
    """
    default = CHILD_TOKENS if options.mode == "parent_child" else max_tokens
    limit = min(max_tokens, options.max_tokens or default)
    if limit < MIN_LIMIT:
        raise ValueError(f"A limit of {limit} tokens is too small to split by; {MIN_LIMIT} is.")
    rulers = {page.number: Ruler(page.text, tokenizer) for page in extraction.pages}
    bench = Bench(rulers, _kept(extraction.pages, removals), tokenizer, limit)
    if cuts is None:
        cuts = separators.cuts(extraction.pages, options)
    return [
        Chunk(
            id=f"{chunk_prefix}.{index}",
            document_id=document_id,
            index=index,
            spans=draft.spans,
            text=bench.text(draft.spans),
            heading=draft.heading,
            index_text=draft.index_text,
            parent=draft.parent,
        )
        for index, draft in enumerate(drafts(bench, extraction, options, cuts))
    ]


def _kept(pages: Sequence[Page], removals: Sequence[Removal]) -> dict[int, KeptText]:
    by_page: dict[int, list[Removal]] = {}
    for removal in removals:
        by_page.setdefault(removal.page, []).append(removal)
    return {page.number: KeptText(page.text, by_page.get(page.number, ())) for page in pages}
