"""Pages to chunks, in the embedder's own tokens, in the way that a dataset chooses.

Promises, each with a property test: `index_text` never has more tokens than the embedder reads; a
chunk's text is exactly its spans' characters; outside of chunks there is only white space, and what
a separator or a cleaning rule takes out; the same input gives the same chunks.

LlamaIndex's SentenceSplitter is not used: it returns strings, whose offsets would have to be
searched for again (its own are wrong where text repeats), and its import takes 2.3 s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ingest.clean.kept_text import KeptText
from ingest.split import separators
from ingest.split.packing import Bench, Draft, Group, Packing, spans_of
from ingest.split.questions import Place, questions_of
from ingest.split.sections import Outline, Run, covering, runs
from ingest.split.segments import Piece, Ruler, piece, rows
from ingest.split.separators import Cuts, Extent
from ingest.types import Block, Extraction, Removal
from kb.protocols import Tokenizer
from kb.text.sentences import trimmed
from kb.types import Chunk, Page, Passage, Span, SplitOptions

CHILD_TOKENS = 128
"""A child names one thing, so its vector is sharp; what it lacks around it, the parent has."""


def drafts(
    bench: Bench, extraction: Extraction, options: SplitOptions, cuts: Cuts
) -> Iterator[Draft]:
    """The document as chunks in reading order.

    Raises:
        UnreadableFile: mode `qa`, and there are no questions in it.
    """
    overlap = min(options.overlap, bench.limit // 3)
    if options.mode == "separator":
        yield from _by_separator(bench, extraction, options, cuts)
        return
    found = runs(extraction.pages, extraction.blocks, bench.rulers)
    match options.mode:
        case "parent_child":
            for run in found:
                yield from _family(bench, run, options, overlap)
        case "qa":
            questions = _questions(extraction)
            for run in found:
                yield from _asked(bench, run, questions, overlap)
        case _:
            for run in found:
                yield from _auto(bench, run, overlap, by_rows=options.rows)


def _auto(bench: Bench, run: Run, overlap: int, *, by_rows: bool) -> Iterator[Draft]:
    if not by_rows:
        yield from bench.drafts(bench.groups(run, overlap), overlap)
        return
    for is_table, part in _parted(run, lambda piece: piece.kind == "table"):
        if not is_table:
            yield from bench.drafts(bench.groups(part, overlap), overlap)
            continue
        *above, table = part.pieces
        for number, row in enumerate(rows(table, bench.rulers, bench.limit)):
            own = [*above, row] if number == 0 else [row]
            single = Run(part.path, own, glued=len(own) - 1)
            yield from bench.drafts(bench.groups(single, 0), 0)


def _parted(run: Run, stands_alone: Callable[[Piece], bool]) -> Iterator[tuple[bool, Run]]:
    """The run cut around pieces that stand alone; headings go with what they are above of."""
    waiting = Run(run.path)
    for number, part in enumerate(run.pieces):
        if number < run.glued or not stands_alone(part):
            waiting.pieces.append(part)
            waiting.glued += number < run.glued
            continue
        if len(waiting.pieces) > waiting.glued:
            yield False, waiting
            waiting = Run(run.path)
        yield True, Run(run.path, [*waiting.pieces, part], glued=waiting.glued)
        waiting = Run(run.path)
    if waiting.pieces:
        yield False, waiting


# --- parents and children --------------------------------------------------------------------


def _family(bench: Bench, run: Run, options: SplitOptions, overlap: int) -> Iterator[Draft]:
    path = bench.path(run.path)
    for part in _paragraphs(run) if options.parent == "paragraph" else [run]:
        glued = part.glued
        for group in Packing(bench.rulers, options.parent_max_tokens, part).groups():
            passage = bench.passage(spans_of(group), path)
            children = Run(run.path, group, glued=min(glued, len(group)))
            yield from _children(bench, children, passage, overlap)
            glued = 0


def _paragraphs(run: Run) -> Iterator[Run]:
    """Each paragraph, list or table by itself; headings go with the first."""
    first = min(run.glued + 1, len(run.pieces))
    yield Run(run.path, run.pieces[:first], glued=run.glued)
    for part in run.pieces[first:]:
        yield Run(run.path, [part])


def _children(bench: Bench, run: Run, passage: Passage, overlap: int) -> Iterator[Draft]:
    for draft in bench.drafts(bench.groups(run, overlap), overlap, passage):
        # An only child is its own parent.
        yield replace(draft, parent=None) if draft.spans == passage.spans else draft


# --- questions and answers -------------------------------------------------------------------


def _questions(extraction: Extraction) -> Mapping[Place, Span]:
    texts = {page.number: page.text for page in extraction.pages}
    return questions_of(covering(extraction.pages, extraction.blocks), texts)


def _asked(
    bench: Bench, run: Run, questions: Mapping[Place, Span], overlap: int
) -> Iterator[Draft]:
    """The question is searched, its row returned; what is no question is cut as usual."""
    for is_pair, part in _parted(run, lambda piece: _place(piece) in questions):
        if not is_pair:
            yield from _auto(bench, part, overlap, by_rows=False)
            continue
        passage = bench.passage(spans_of(part.pieces), bench.path(part.path))
        wanted = questions[_place(part.pieces[-1])]
        question = Run(part.path, [piece(wanted, "paragraph", bench.rulers)])
        yield from bench.drafts(bench.groups(question, 0), 0, passage)


def _place(part: Piece) -> Place:
    return part.page, part.spans[0].start


# --- separators ------------------------------------------------------------------------------


def _by_separator(
    bench: Bench, extraction: Extraction, options: SplitOptions, cuts: Cuts
) -> Iterator[Draft]:
    blocks: dict[int, list[Block]] = {}
    for block in covering(extraction.pages, extraction.blocks):
        blocks.setdefault(block.page, []).append(block)
    overlap = min(options.overlap, bench.limit // 3)
    outline = Outline()
    for page in extraction.pages:
        extents = separators.between(page.text, cuts.get(page.number, ()), options)
        sections = _sections(bench, page, blocks.get(page.number, []), extents, outline)
        grouped = _merged if options.merge else _apart
        groups = grouped(bench, sections, overlap)
        yield from bench.drafts(groups, overlap)


def _sections(
    bench: Bench, page: Page, blocks: Sequence[Block], extents: Iterable[Extent], outline: Outline
) -> Iterator[Run]:
    """What stands between two separators, as a run under the headings above its start."""
    first = entered = 0
    for start, end in extents:
        while entered < len(blocks) and blocks[entered].start <= start:
            if blocks[entered].kind == "heading":
                outline.enter(blocks[entered], page.text)
            entered += 1
        while first < len(blocks) and blocks[first].end <= start:
            first += 1
        run = Run(outline.titles)
        for number in range(first, len(blocks)):
            block = blocks[number]
            if block.start >= end:
                break
            extent = trimmed(page.text, max(start, block.start), min(end, block.end))
            if extent[1] > extent[0]:
                run.pieces.append(piece(Span(page.number, *extent), block.kind, bench.rulers))
        if run.pieces:
            yield run


def _merged(bench: Bench, sections: Iterable[Run], overlap: int) -> Iterator[Group]:
    """Small neighbours in one chunk as far as they fit; what is too large is cut as usual."""
    path, group = bench.path(()), list[Piece]()
    for run in sections:
        room = bench.limit - path.tokens - overlap
        if group and bench.tokens_between(group[0], run.pieces[-1]) <= room:
            group.extend(run.pieces)
            continue
        if group:
            yield path, group
        path, group = bench.path(run.path), []
        if bench.tokens_between(run.pieces[0], run.pieces[-1]) <= (
            bench.limit - path.tokens - overlap
        ):
            group = list(run.pieces)
        else:
            yield from bench.groups(run, overlap)
    if group:
        yield path, group


def _apart(bench: Bench, sections: Iterable[Run], overlap: int) -> Iterator[Group]:
    for run in sections:
        yield from bench.groups(run, overlap)


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
