"""Pages to chunks, in the embedder's own tokens, in the way that a dataset chooses.

Promises, each with a property test: `index_text` never has more tokens than the embedder reads; a
chunk's text is exactly its spans' characters; outside of chunks there is only white space, and what
a separator or a cleaning rule takes out; the same input gives the same chunks.

The mode `auto` follows headings, paragraphs and sentences; the others decide where chunks begin and
end and leave to it what is too large.

LlamaIndex's SentenceSplitter is not used: it returns strings, whose offsets would have to be
searched for again (its own are wrong where text repeats), and its import takes 2.3 s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ingest.clean.page_layout import kept_texts
from ingest.split import separators
from ingest.split.packing import ChunkBuilder, Packed, Packing
from ingest.split.questions import questions_of
from ingest.split.sections import Outline, Section, covering, sections
from ingest.split.segments import Segment, TokenCounter, non_blank, segment, spans_of, table_rows
from ingest.split.separators import Cuts
from ingest.types import Extraction, Removal
from kb.protocols import Tokenizer
from kb.types import Block, Chunk, Extent, Page, Passage, Span, SplitOptions

CHUNK_TOKENS, CHILD_TOKENS = 254, 128
"""A child names one thing, so its vector is sharp; what it lacks around it, the parent has."""
MIN_LIMIT = 16
"""Tokens. A third of a chunk may be its heading path; the rest should hold some words."""


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
    Without `options.max_tokens` chunks are as large as the embedder reads, but no larger than
    `CHUNK_TOKENS`: every chunk costs a vector and long ones keep what belongs together, but several
    hits must fit into a prompt, and scores are calibrated for such chunks. Children are
    `CHILD_TOKENS` large without it.

    Args:
        extraction: pages and blocks; text between blocks counts as paragraphs.
        removals: spans that cleaning takes out, per page in order.
        tokenizer: the embedder's own.
        max_tokens: tokens that the embedder reads, special ones not counted.
        cuts: where separators stand, if that is known already.

    Raises:
        ValueError: the limit is below `MIN_LIMIT` tokens, so that not even a word would fit.
        UnreadableFile: the way of splitting does not fit the document: mode `qa`, and there are no
            questions in it.
    """
    default = CHILD_TOKENS if options.mode == "parent_child" else CHUNK_TOKENS
    limit = min(max_tokens, options.max_tokens or default)
    if limit < MIN_LIMIT:
        raise ValueError(f"A limit of {limit} tokens is too small to split by; {MIN_LIMIT} is.")
    builder = ChunkBuilder(
        document_id,
        chunk_prefix,
        {page.number: TokenCounter(page.text, tokenizer) for page in extraction.pages},
        kept_texts(extraction.pages, removals),
        tokenizer=tokenizer,
        limit=limit,
    )
    if cuts is None:
        cuts = separators.cuts(extraction.pages, options)
    return list(_chunks(builder, extraction, options, cuts))


def _chunks(
    builder: ChunkBuilder, extraction: Extraction, options: SplitOptions, cuts: Cuts
) -> Iterator[Chunk]:
    overlap = min(options.overlap, builder.limit // 3)
    if options.mode == "separator":
        yield from _by_separator(builder, extraction, options, cuts)
        return
    questions = _questions(extraction) if options.mode == "qa" else {}
    for section in sections(extraction.pages, extraction.blocks, builder.counters):
        match options.mode:
            case "parent_child":
                yield from _parents_and_children(builder, section, options, overlap)
            case "qa":
                yield from _questions_and_answers(builder, section, questions, overlap)
            case _:
                yield from _auto(builder, section, overlap, by_rows=options.rows)


def _auto(
    builder: ChunkBuilder, section: Section, overlap: int, *, by_rows: bool
) -> Iterator[Chunk]:
    if not by_rows:
        yield from builder.chunks(builder.packed(section, overlap), overlap)
        return
    for is_table, part in _around(section, lambda segment: segment.kind == "table"):
        if not is_table:
            yield from builder.chunks(builder.packed(part, overlap), overlap)
            continue
        *above, table = part.segments
        for number, row in enumerate(table_rows(table, builder.counters, builder.limit)):
            own = [*above, row] if number == 0 else [row]
            single = Section(part.heading_path, own, heading_count=len(own) - 1)
            yield from builder.chunks(builder.packed(single, 0), 0)


def _around(
    section: Section, stands_alone: Callable[[Segment], bool]
) -> Iterator[tuple[bool, Section]]:
    """The section cut around segments that stand alone; headings go with what they are above of."""
    waiting = Section(section.heading_path)
    for number, part in enumerate(section.segments):
        if number < section.heading_count or not stands_alone(part):
            waiting.segments.append(part)
            waiting.heading_count += number < section.heading_count
            continue
        if len(waiting.segments) > waiting.heading_count:
            yield False, waiting
            waiting = Section(section.heading_path)
        yield (
            True,
            Section(
                section.heading_path, [*waiting.segments, part], heading_count=waiting.heading_count
            ),
        )
        waiting = Section(section.heading_path)
    if waiting.segments:
        yield False, waiting


# --- parents and children --------------------------------------------------------------------


def _parents_and_children(
    builder: ChunkBuilder, section: Section, options: SplitOptions, overlap: int
) -> Iterator[Chunk]:
    path = builder.heading_path(section.heading_path)
    for part in _paragraphs(section) if options.parent == "paragraph" else [section]:
        heading_count = part.heading_count
        for group in Packing(builder.counters, options.parent_max_tokens, part).groups():
            passage = builder.passage(spans_of(group), path)
            children = Section(
                section.heading_path, group, heading_count=min(heading_count, len(group))
            )
            yield from _children(builder, children, passage, overlap)
            heading_count = 0


def _paragraphs(section: Section) -> Iterator[Section]:
    """Each paragraph, list or table by itself; headings go with the first."""
    first = min(section.heading_count + 1, len(section.segments))
    yield Section(
        section.heading_path, section.segments[:first], heading_count=section.heading_count
    )
    for part in section.segments[first:]:
        yield Section(section.heading_path, [part])


def _children(
    builder: ChunkBuilder, section: Section, passage: Passage, overlap: int
) -> Iterator[Chunk]:
    for chunk in builder.chunks(builder.packed(section, overlap), overlap, passage):
        # An only child is its own parent.
        yield replace(chunk, parent=None) if chunk.spans == passage.spans else chunk


# --- questions and answers -------------------------------------------------------------------


def _questions(extraction: Extraction) -> Mapping[tuple[int, int], Span]:
    texts = {page.number: page.text for page in extraction.pages}
    return questions_of(covering(extraction.pages, extraction.blocks), texts)


def _questions_and_answers(
    builder: ChunkBuilder, section: Section, questions: Mapping[tuple[int, int], Span], overlap: int
) -> Iterator[Chunk]:
    """The question is searched, its row returned; what is not a question is cut as usual."""
    for is_pair, part in _around(section, lambda segment: _holds_question(segment, questions)):
        if not is_pair:
            yield from _auto(builder, part, overlap, by_rows=False)
            continue
        passage = builder.passage(spans_of(part.segments), builder.heading_path(part.heading_path))
        wanted = questions[_start(part.segments[-1])]
        question = Section(part.heading_path, [segment(wanted, "paragraph", builder.counters)])
        asked = list(builder.chunks(builder.packed(question, 0), 0, passage))
        # Cleaning may take the question out, as of a repeated row: then the row is cut as usual.
        yield from asked or _auto(builder, part, overlap, by_rows=False)


def _holds_question(part: Segment, questions: Mapping[tuple[int, int], Span]) -> bool:
    """Whether the first segment of a row holds its question: words before it may be in between."""
    asked = questions.get(_start(part))
    return asked is not None and any(
        span.page == asked.page and span.start <= asked.start and asked.end <= span.end
        for span in part.spans
    )


def _start(part: Segment) -> tuple[int, int]:
    return part.page, part.spans[0].start


# --- separators ------------------------------------------------------------------------------


def _by_separator(
    builder: ChunkBuilder, extraction: Extraction, options: SplitOptions, cuts: Cuts
) -> Iterator[Chunk]:
    blocks: dict[int, list[Block]] = {}
    for block in covering(extraction.pages, extraction.blocks):
        blocks.setdefault(block.page, []).append(block)
    overlap = min(options.overlap, builder.limit // 3)
    outline = Outline()
    for page in extraction.pages:
        extents = separators.between(page.text, cuts.get(page.number, ()), options)
        sections = _sections(builder, page, blocks.get(page.number, []), extents, outline)
        packed = (
            _merged(builder, sections, overlap)
            if options.merge
            else (one for section in sections for one in builder.packed(section, overlap))
        )
        yield from builder.chunks(packed, overlap)


def _sections(
    builder: ChunkBuilder,
    page: Page,
    blocks: Sequence[Block],
    extents: Iterable[Extent],
    outline: Outline,
) -> Iterator[Section]:
    """What stands between two separators, as a section under the headings above its start."""
    first = entered = 0
    for start, end in extents:
        while entered < len(blocks) and blocks[entered].start <= start:
            if blocks[entered].kind == "heading":
                outline.enter(blocks[entered], page.text)
            entered += 1
        while first < len(blocks) and blocks[first].end <= start:
            first += 1
        section = Section(outline.titles)
        for number in range(first, len(blocks)):
            block = blocks[number]
            if block.start >= end:
                break
            for extent in non_blank(page.text, max(start, block.start), min(end, block.end)):
                section.segments.append(
                    segment(Span(page.number, *extent), block.kind, builder.counters)
                )
        if section.segments:
            yield section


def _merged(builder: ChunkBuilder, sections: Iterable[Section], overlap: int) -> Iterator[Packed]:
    """Small neighbours in one chunk as far as they fit; what is too large is cut as usual."""
    path, group = builder.heading_path(()), list[Segment]()
    for section in sections:
        room = builder.limit - path.tokens - overlap
        if group and builder.tokens_between(group[0], section.segments[-1]) <= room:
            group.extend(section.segments)
            continue
        if group:
            yield path, group
        path, group = builder.heading_path(section.heading_path), []
        if builder.tokens_between(section.segments[0], section.segments[-1]) <= (
            builder.limit - path.tokens - overlap
        ):
            group = list(section.segments)
        else:
            yield from builder.packed(section, overlap)
    if group:
        yield path, group
