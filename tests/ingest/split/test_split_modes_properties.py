"""What every way of splitting promises for any document: nothing lost, nothing too long."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.sandbox.processing import process
from ingest.split.splitting import MIN_LIMIT
from ingest.types import Extraction
from kb.errors import UnreadableFile
from kb.models.embed.hash_embedder import WordTokenizer
from kb.types import Block, Page, Processing, SplitOptions

WORDS = st.sampled_from(
    [
        *(
            "pump",
            "water.",
            "Is it?",
            "3.14",
            "分久必合，",
            "合久必分。",
            "x" * 50,
            "。",
            "exam-\nple",
        ),
        *("\n", "\n\n", "  ", "\u3000", "\x07", "| a | b |\n", "|---|---|\n", "- item\n", "###"),
        *("第三条 ", "\n第四条 甲", "\n§ 5 The", "https://e.com/a。", "a@e.com", "\nanswer: x"),
        "question: Why? | answer: So.",
    ]
)
TEXTS = st.lists(WORDS, max_size=60).map(" ".join) | st.lists(WORDS, max_size=60).map("".join)

MODES = {
    "rows": SplitOptions(rows=True),
    "literal": SplitOptions(mode="separator", separator="。"),
    "apart": SplitOptions(mode="separator", separator="###", merge=False),
    "kept": SplitOptions(mode="separator", separator="\n", keep_separator=True, overlap=6),
    "blank": SplitOptions(mode="separator", separator=" ", overlap=6),
    "section": SplitOptions(mode="parent_child", max_tokens=16, parent_max_tokens=60, overlap=5),
    "paragraph": SplitOptions(mode="parent_child", max_tokens=20, parent="paragraph"),
    "qa": SplitOptions(mode="qa", overlap=6),
}


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


RULES = st.dictionaries(
    st.sampled_from(["urls", "emails", "duplicate_lines", "boilerplate", "hyphenation"]),
    st.booleans(),
)


def _process(extraction, options, limit, rules):
    try:
        return process(
            extraction,
            Processing(clean=rules, split=options, clean_max_share=1.0),
            WordTokenizer(),
            max_tokens=limit,
            chunk_prefix="d.1.1",
            document_id="d",
        )
    except UnreadableFile as exc:
        if exc.code != "no_questions":
            raise
        return None


@pytest.mark.parametrize("mode", MODES)
@settings(deadline=None)
@given(extraction=documents(), limit=st.integers(MIN_LIMIT, 80), rules=RULES)
def test_every_mode_keeps_its_promises(mode, extraction, limit, rules):
    options = MODES[mode]
    done = _process(extraction, options, limit, rules)
    if done is None:
        return
    texts = {page.number: page.text for page in extraction.pages}
    most = min(limit, options.max_tokens or limit)

    for index, chunk in enumerate(done.chunks):
        assert chunk.id == f"d.1.1.{index}"
        assert chunk.text == "".join(texts[s.page][s.start : s.end] for s in chunk.spans)
        assert len(WordTokenizer().offsets(chunk.index_text)) <= most
        if chunk.parent is not None:
            whole = "".join(texts[s.page][s.start : s.end] for s in chunk.parent.spans)
            assert chunk.parent.text == whole
            assert chunk.text in whole or len(chunk.spans) > 1
    _assert_nothing_is_lost(done, texts)
    again = _process(extraction, options, limit, rules)
    assert (again.chunks, again.removals) == (done.chunks, done.removals)


def _assert_nothing_is_lost(done, texts):
    """Character by character, without the arithmetic of the receipt."""
    left = {page: set(range(len(text))) for page, text in texts.items()}
    taken = {page: set() for page in texts}
    for item in done.removals:
        place = set(range(item.start, item.end))
        assert not place & taken[item.page]
        taken[item.page] |= place
    for chunk in done.chunks:
        for span in (*chunk.spans, *(chunk.parent.spans if chunk.parent else ())):
            left[span.page] -= set(range(span.start, span.end))
    for page, places in left.items():
        assert "".join(texts[page][at] for at in sorted(places - taken[page])).strip() == ""
    kept = sum(len(text) for text in texts.values()) - sum(map(len, taken.values()))
    blank = sum(len(places - taken[page]) for page, places in left.items())
    sums = done.receipt["balance"]
    assert (sums["kept"], sums["removed"]) == (kept - blank, sum(map(len, taken.values())))
    assert (sums["blank"], sums["lost"]) == (blank, 0)
    assert sums["characters"] == sums["kept"] + sums["removed"] + sums["blank"]


def test_a_row_whose_question_was_removed_as_a_copy_keeps_its_other_words():
    row = "question: Why? | answer: So."
    extraction = Extraction((Page(1, row), Page(2, f"pump \n {row}")), (), None, None, "test 1")

    done = _process(extraction, SplitOptions(mode="qa"), 16, {"duplicate_lines": True})

    _assert_nothing_is_lost(done, {page.number: page.text for page in extraction.pages})
    assert "pump" in [chunk.index_text for chunk in done.chunks]


def test_a_question_below_other_words_of_its_paragraph_is_not_returned_with_those_alone():
    text = "water. \n第四条 甲 | a | b |\n question: Why? | answer: So."
    extraction = Extraction((Page(1, text),), (), None, None, "test 1")

    done = _process(extraction, SplitOptions(mode="qa"), 16, {})

    assert all(chunk.parent is None or "So." in chunk.parent.text for chunk in done.chunks)
    assert any("question: Why? | answer: So." in chunk.text for chunk in done.chunks)
