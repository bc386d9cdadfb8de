"""The sums of a receipt, and that what does not add up is refused."""

import pytest

from ingest.clean.cleaning import clean
from ingest.sandbox.processing import Unbalanced, balance, process
from ingest.types import Extraction, Removal
from kb.models.embed.hash_embedder import WordTokenizer
from kb.types import Chunk, Page, Passage, Processing, Span, SplitOptions


def _chunk(*spans, page="abc def ghi", parent=None):
    spans = tuple(Span(1, start, end) for start, end in spans)
    text = "".join(page[span.start : span.end] for span in spans)
    return Chunk("d.1.1.0", "d", 0, spans, text, "", text, parent)


PAGE = Page(1, "abc def ghi")


def test_characters_are_kept_removed_or_blank():
    sums = balance([PAGE], [Removal("urls", 1, 4, 7)], [_chunk((0, 3)), _chunk((8, 11))])

    # abc + ghi kept, def removed, two blanks around it
    assert (sums.characters, sums.kept, sums.removed, sums.blank) == (11, 6, 3, 2)
    assert (sums.lost, sums.overlap) == (0, 0)


def test_what_stands_in_two_chunks_counts_once():
    sums = balance([PAGE], [], [_chunk((0, 7)), _chunk((4, 11))])

    assert (sums.kept, sums.overlap) == (11, 3)


def test_what_only_the_parent_shows_is_kept():
    parent = Passage((Span(1, 0, 11),), PAGE.text, PAGE.text)

    assert balance([PAGE], [], [_chunk((0, 3), parent=parent)]).kept == 11


def test_a_character_that_is_nowhere_is_refused():
    with pytest.raises(Unbalanced, match="3 characters are in no chunk"):
        balance([PAGE], [], [_chunk((0, 7))])


def test_a_character_that_two_rules_took_is_refused():
    twice = [Removal("urls", 1, 4, 7), Removal("emails", 1, 6, 7)]

    with pytest.raises(Unbalanced, match="do not add up"):
        balance([PAGE], twice, [_chunk((0, 11), page="abc  ghi")])


def test_a_chunk_whose_searched_text_lacks_something_is_refused():
    whole = _chunk((0, 11))
    short = Chunk(whole.id, "d", 0, whole.spans, whole.text, "", "abc ghi")

    with pytest.raises(Unbalanced, match="lacks some"):
        balance([PAGE], [], [short])


def test_the_sums_of_a_real_text_are_those_of_its_characters():
    text = "# A\n\nSee https://e.com for   it.\n\n\n\nExam-\nple ###and### more."
    done = process(
        Extraction((Page(1, text),), (), None, None, "test 1"),
        Processing(clean={"urls": True}, split=SplitOptions(mode="separator", separator="###")),
        WordTokenizer(),
        max_tokens=16,
        chunk_prefix="d",
        document_id="d",
    )
    by_rule = done.receipt["removed"]

    # " https://e.com", the two surplus blanks, two of four line breaks, "-\n", "###" twice
    assert by_rule == {"urls": 14, "extra_spaces": 2 + 2, "hyphenation": 2, "separator": 6}
    assert done.receipt["balance"]["removed"] == 14 + 4 + 2 + 6
    assert done.receipt["characters"] == len(text)
    assert clean([Page(1, text)], [], {}) != done.removals
