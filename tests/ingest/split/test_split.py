"""Where the splitter cuts, and where it does not."""

import re
from io import BytesIO
from itertools import pairwise

import pytest

from ingest.clean.cleaning import clean
from ingest.readers import READERS
from ingest.split.splitting import split
from ingest.types import Extraction, ReadOptions
from kb.types import Block, Page, Span, SplitOptions


class Words:
    """A token is a word, a CJK character or a sign."""

    def offsets(self, text):
        return [match.span() for match in re.finditer(r"[a-zA-Z0-9]+|[^\sa-zA-Z0-9]", text)]


def _split(extraction, limit=40, **options):
    removals = clean(extraction.pages, extraction.blocks, {})
    return split(
        extraction,
        removals,
        Words(),
        chunk_prefix="d.1.1",
        document_id="d",
        max_tokens=limit,
        options=SplitOptions(**options),
    )


def _markdown(source, limit=40, **options):
    extraction = READERS["text/markdown"](BytesIO(source.encode()), ReadOptions())
    return _split(extraction, limit, **options)


def _pages(*texts):
    pages = tuple(Page(number, text) for number, text in enumerate(texts, start=1))
    return Extraction(pages, (), None, None, "test 1")


def test_the_heading_path_stands_above_the_text():
    (chunk,) = _markdown("# Pumps {#top}\n\n## [Seals](seals.md)\n\nA seal is round.\n")

    assert chunk.heading == "Pumps > Seals"
    assert chunk.index_text == f"Pumps > Seals\n{chunk.text}"
    assert chunk.text.startswith("# Pumps")


def test_each_heading_begins_a_chunk_and_small_paragraphs_are_merged():
    chunks = _markdown("# A\n\none.\n\ntwo.\n\n# B\n\nthree.\n")

    assert [(chunk.heading, chunk.text) for chunk in chunks] == [
        ("A", "# A\n\none.\n\ntwo."),
        ("B", "# B\n\nthree."),
    ]


def test_a_sibling_heading_replaces_its_sibling_in_the_path():
    chunks = _markdown("# A\n\n## B\n\none.\n\n### C\n\ntwo.\n\n## D\n\nthree.\n")

    assert [chunk.heading for chunk in chunks] == ["A > B", "A > B > C", "A > D"]


def test_a_heading_takes_some_of_its_text_along():
    sentences = " ".join(f"Sentence number {n} is here." for n in range(20))

    chunks = _markdown(f"# A\n\n{sentences}\n")

    assert chunks[0].text.startswith("# A\n\nSentence number 0 is here.")


def test_a_heading_takes_some_code_along_even_if_the_code_is_cut_for_it():
    code = "\n".join(f"line {n}" for n in range(16))

    first, *_ = _markdown(f"# A\n\n```\n{code}\n```\n")

    assert first.text.startswith("# A\n\n```\nline 0\nline 1\n")


def test_long_paragraphs_are_cut_between_sentences_only():
    text = "Dr. Smith paid 3.14 dollars in the U.S. for it. " * 12 + "他说：“走吧。”于是走了。" * 12

    chunks = _split(_pages(text))

    assert len(chunks) > 5
    assert {chunk.text[-1] for chunk in chunks} == {".", "。"}
    assert all(chunk.text.startswith(("Dr. Smith", "他说", "于是")) for chunk in chunks)


def test_a_sentence_longer_than_a_chunk_is_cut_at_commas_then_blanks():
    text = "、".join(["甲乙丙丁戊己庚辛"] * 20)

    chunks = _split(_pages(text))

    assert all(len(chunk.text.rstrip("、")) % 9 == 8 for chunk in chunks)
    assert {chunk.text.strip("word ") for chunk in _split(_pages("word " * 200))} == {""}


def test_a_word_without_end_is_cut_into_bounded_pieces():
    chunks = _split(_pages("x" * 100_000))

    assert max(len(chunk.text) for chunk in chunks) <= 40 * 16
    assert "".join(chunk.text for chunk in chunks) == "x" * 100_000


def test_code_stays_whole_where_it_fits():
    code = "```\n" + "\n".join(f"line {n}" for n in range(12)) + "\n```"

    chunks = _markdown(f"Some words before the code that take room, many more words.\n\n{code}\n")

    assert [chunk.text for chunk in chunks][-1] == code


def test_a_table_that_is_cut_repeats_its_header_in_the_index_text():
    rows = "\n".join(f"| seal{n} | {n} |" for n in range(30))

    chunks = _markdown(f"| part | price |\n|---|---|\n{rows}\n")

    assert len(chunks) > 3
    assert all(chunk.index_text.startswith("| part | price |\n") for chunk in chunks)
    assert not chunks[1].text.startswith("| part")


def test_a_path_takes_at_most_a_third_and_loses_outer_titles_first():
    chunks = _markdown(f"# {'outer ' * 10}\n\n## inner\n\ntext.\n", limit=30)
    deep = _markdown(f"# {'long ' * 60}\n\ntext.\n", limit=30)

    assert chunks[-1].index_text.startswith("inner\n")
    assert chunks[-1].heading.endswith("> inner")
    assert deep[-1].index_text.startswith("long long")
    assert len(Words().offsets(deep[-1].index_text.split("\n")[0])) <= 10


def test_a_sentence_over_a_page_break_is_one_chunk_of_two_spans():
    chunks = _split(_pages("It begins. The pump moves", "the water. It ends."))

    assert [chunk.text for chunk in chunks] == ["It begins. The pump movesthe water. It ends."]
    assert chunks[0].spans == (Span(1, 0, 25), Span(2, 0, 19))
    assert chunks[0].index_text == "It begins. The pump moves the water. It ends."


def test_a_chinese_sentence_goes_on_over_a_page_break_and_its_page_number():
    chunks = _split(_pages("话说天下大势，\n- 1 -", "分久必合。合久必分。"))

    assert [len(chunk.spans) for chunk in chunks] == [2]


@pytest.mark.parametrize(
    "pages", [("It ends.", "a list"), ("It goes on", "New sentence."), ("7", "a")]
)
def test_other_page_breaks_end_a_chunk(pages):
    assert [chunk.text for chunk in _split(_pages(*pages))] == list(pages)


def test_removed_characters_are_missing_from_the_index_text_only():
    (chunk,) = _split(_pages("An exam-\nple   with\x07 blanks."))

    assert chunk.text == "An exam-\nple   with\x07 blanks."
    assert chunk.index_text == "An example with blanks."


def test_text_that_is_removed_as_a_whole_makes_no_chunk():
    assert _split(_pages("\x07\x07", " \n ")) == []


def test_overlap_repeats_whole_sentences():
    text = " ".join(f"Sentence number {n} is here." for n in range(20))

    chunks = _split(_pages(text), overlap=8)

    for before, after in pairwise(chunks):
        shared = before.spans[0].end - after.spans[0].start
        assert before.text.endswith(text[after.spans[0].start :][:shared])
        assert after.text.startswith("Sentence number")
        assert 0 < shared <= len("Sentence number 10 is here. ")


def test_options_make_chunks_smaller_but_never_larger_than_the_model_reads():
    text = "A pump moves water. " * 50

    small = _split(_pages(text), limit=100, max_tokens=20)
    large = _split(_pages(text), limit=100, max_tokens=1000)

    assert max(len(Words().offsets(chunk.index_text)) for chunk in small) <= 20
    assert max(len(Words().offsets(chunk.index_text)) for chunk in large) <= 100
    assert len(small) > 4 * len(large)


def test_chunks_of_a_section_are_of_like_size():
    chunks = _split(_pages("A pump moves water. " * 9), limit=40)

    assert [len(Words().offsets(chunk.text)) for chunk in chunks] == [25, 20]


def test_text_outside_any_block_is_not_lost():
    page = Page(1, "before\n\ncode\n\nafter")
    extraction = Extraction((page,), (Block(1, 8, 12, "code"),), None, None, "test 1")

    assert _split(extraction)[0].text == page.text


def test_overlapping_blocks_of_a_careless_reader_repeat_nothing():
    page = Page(1, "alpha beta gamma")
    blocks = (Block(1, 0, 10, "paragraph"), Block(1, 2, 5, "code"), Block(1, 6, 99, "heading", 1))

    chunks = _split(Extraction((page,), blocks, None, None, "test 1"))

    assert [chunk.text for chunk in chunks] == ["alpha beta", "gamma"]


def test_sentences_over_every_page_break_make_chunks_of_two_pages_at_most():
    chunks = _split(_pages("One. Two goes", "on. Three goes", "on. Four goes", "on."))

    assert [[span.page for span in chunk.spans] for chunk in chunks] == [[1, 2], [2, 3], [3, 4]]


def test_a_limit_too_small_for_words_is_refused():
    with pytest.raises(ValueError, match="too small"):
        _split(_pages("text"), limit=5)
