"""Pages to chunks: along headings, then paragraphs, then sentences, in the embedder's own tokens.

Promises, each with a property test: `index_text` never has more tokens than the embedder reads; a
chunk's text is exactly its spans' characters; between chunks only white space is lost; the same
input gives the same chunks.

LlamaIndex's SentenceSplitter is not used: it returns strings, whose offsets would have to be
searched for again (its own are wrong where text repeats), and its import takes 2.3 s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ingest.kept_text import KeptText
from ingest.packing import Packing, spans_of
from ingest.pieces import Piece, Rulers, finer
from ingest.ruler import CHARACTERS_PER_TOKEN, Ruler
from ingest.sections import Run, runs
from ingest.types import Extraction, Removal
from kb.protocols import Tokenizer
from kb.sentences import sentence_extents
from kb.types import Chunk, Page, Span, SplitOptions

PATH_SEPARATOR = " > "
MIN_LIMIT = 16
_TOKENS_PER_JOINT = 4
"""By so many tokens the halves of a word may differ from the whole; 1 or 2 were seen."""
_FIRST_WITHOUT_BLANKS = "\u2e80"
"""From here on, Unicode holds the East Asian scripts, which put no blanks between words."""


def split(
    extraction: Extraction,
    removals: Sequence[Removal],
    tokenizer: Tokenizer,
    *,
    chunk_prefix: str,
    document_id: str,
    max_tokens: int,
    options: SplitOptions,
) -> list[Chunk]:
    """Cut a document into chunks, in reading order; chunk ids are `{chunk_prefix}.{index}`.

    `index_text` is the heading path, a line break, and the text without what was removed.
    `options.max_tokens` makes chunks smaller than the embedder's limit; without it they are as
    large as it reads, because every chunk costs a vector and long ones keep what belongs together.

    Args:
        extraction: pages and blocks; text between blocks counts as paragraphs.
        removals: spans that cleaning takes out, per page in order.
        tokenizer: the embedder's own.
        max_tokens: tokens that the embedder reads, special ones not counted.

    Raises:
        ValueError: the limit is below `MIN_LIMIT` tokens, so that not even a word would fit.
    """
    limit = min(max_tokens, options.max_tokens or max_tokens)
    if limit < MIN_LIMIT:
        raise ValueError(f"A limit of {limit} tokens is too small to split by; {MIN_LIMIT} is.")
    rulers = {page.number: Ruler(page.text, tokenizer) for page in extraction.pages}
    bench = _Bench(rulers, _kept(extraction.pages, removals), tokenizer, limit)
    overlap = min(options.overlap, limit // 3)
    drafts = [
        draft
        for run in runs(extraction.pages, extraction.blocks, rulers)
        for draft in bench.drafts(run, overlap)
    ]
    return [
        Chunk(
            id=f"{chunk_prefix}.{index}",
            document_id=document_id,
            index=index,
            spans=draft.spans,
            text="".join(rulers[s.page].text[s.start : s.end] for s in draft.spans),
            heading=draft.heading,
            index_text=draft.index_text,
        )
        for index, draft in enumerate(drafts)
    ]


@dataclass(frozen=True, slots=True)
class _Draft:
    spans: tuple[Span, ...]
    heading: str
    index_text: str


@dataclass(frozen=True, slots=True)
class _Path:
    """The line above a chunk's text, and all titles as a reader is shown them."""

    line: str
    tokens: int
    heading: str


class _Bench:
    """What the cutting of one document needs at every step."""

    def __init__(
        self, rulers: Rulers, kept: Mapping[int, KeptText], tokenizer: Tokenizer, limit: int
    ) -> None:
        self._rulers = rulers
        self._kept = kept
        self._tokenizer = tokenizer
        self._limit = limit

    def drafts(self, run: Run, overlap: int) -> Iterator[_Draft]:
        path = self._path(run.path)
        budget = self._limit - path.tokens - overlap
        before: Span | None = None
        for group in Packing(self._rulers, budget, run).groups():
            spans = spans_of(group)
            if overlap and before is not None and before.page == spans[0].page:
                spans = self._reaching_back(before, spans, overlap)
            yield from self._fitting(group, spans, path)
            before = spans[-1]

    def _fitting(
        self, group: Sequence[Piece], spans: tuple[Span, ...], path: _Path
    ) -> Iterator[_Draft]:
        """One chunk, or several if the tokens of the whole are more than those of its parts."""
        body = self._body(spans)
        if not body:
            return
        index_text = "\n".join(part for part in (path.line, group[0].header, body) if part)
        if self._surely_fits(group, spans, path) or self._tokens(index_text) <= self._limit:
            yield _Draft(spans, path.heading, index_text)
            return
        parts = group if len(group) > 1 else finer(group[0], self._rulers, group[0].tokens - 1)
        middle = len(parts) // 2
        if not middle:  # one character, and still too long: only what stands above it can go
            yield _Draft(spans, path.heading, body)
            return
        for half in (parts[:middle], parts[middle:]):
            yield from self._fitting(half, spans_of(half), path)

    def _surely_fits(self, group: Sequence[Piece], spans: tuple[Span, ...], path: _Path) -> bool:
        """Whether the measured tokens leave so much room that counting again can be saved.

        Counting is the dearest step here. Tokens of parts that are joined at white space add up,
        give or take what a tokenizer makes of each joint.
        """
        joints = len(spans) + 2
        tokens = path.tokens + group[0].header_tokens
        for span in spans:
            if self._is_torn(span.page, span.start) or self._is_torn(span.page, span.end):
                return False  # half a word may have more tokens than the whole one
            joints += self._kept[span.page].joints(span.start, span.end)
            tokens += self._rulers[span.page].count(span.start, span.end)
        return tokens + joints * _TOKENS_PER_JOINT <= self._limit

    def _is_torn(self, page: int, position: int) -> bool:
        text = self._rulers[page].text
        return 0 < position < len(text) and text[position - 1 : position + 1].isalnum()

    def _body(self, spans: Sequence[Span]) -> str:
        """The text of some spans without what is removed. Words that meet at a page break are set
        apart, unless their script has no blanks."""
        body = ""
        for span in spans:
            part = self._kept[span.page].of(span.start, span.end).strip()
            if body and part and max(body[-1], part[0]) < _FIRST_WITHOUT_BLANKS:
                body += " "
            body += part
        return body

    def _path(self, titles: tuple[str, ...]) -> _Path:
        """At most a third of the limit: outer titles go first, then the end of the innermost."""
        most = self._limit // 3
        heading = PATH_SEPARATOR.join(titles)
        for first in range(len(titles)):
            line = PATH_SEPARATOR.join(titles[first:])
            if (tokens := self._tokens(line + "\n")) <= most:
                return _Path(line, tokens, heading)
        if titles:
            reach = Ruler(titles[-1], self._tokenizer).reach(0, len(titles[-1]), max(1, most - 1))
            line = titles[-1][:reach].strip()
            if (tokens := self._tokens(line + "\n")) <= most:
                return _Path(line, tokens, heading)
        return _Path("", 0, heading)

    def _tokens(self, text: str) -> int:
        return len(self._tokenizer.offsets(text))

    def _reaching_back(
        self, before: Span, spans: tuple[Span, ...], overlap: int
    ) -> tuple[Span, ...]:
        """The spans, begun some whole sentences earlier, as many as `overlap` tokens allow."""
        own = spans[0]
        ruler = self._rulers[own.page]
        earliest = max(before.start, own.start - overlap * CHARACTERS_PER_TOKEN)
        for first, _ in sentence_extents(ruler.text[earliest : own.start]):
            start = earliest + first
            # The first one may be cut, or be all of the chunk before.
            if first > 0 and ruler.count(start, own.start) <= overlap:
                return (Span(own.page, start, own.end), *spans[1:])
        return spans


def _kept(pages: Sequence[Page], removals: Sequence[Removal]) -> dict[int, KeptText]:
    by_page: dict[int, list[Removal]] = {}
    for removal in removals:
        by_page.setdefault(removal.page, []).append(removal)
    return {page.number: KeptText(page.text, by_page.get(page.number, ())) for page in pages}
