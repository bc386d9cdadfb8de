"""Cleaning yields what it removes and changes nothing."""

from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingest.clean.cleaning import RULES, clean, known_rules, refuse_too_much
from ingest.readers import READERS
from ingest.types import ReadOptions, Removal
from kb.errors import Rejected, UnreadableFile
from kb.types import Block, Page


def _kept(text, blocks=(), rules=None):
    kept, position = "", 0
    for removal in clean([Page(1, text)], blocks, rules or {}):
        kept += text[position : removal.start]
        position = removal.end
    return kept + text[position:]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\x07b\u200bc\ufeff", "abc"),
        ("soft\u00adhyphen", "softhyphen"),
        ("a   b\u3000\u3000c \u00a0d", "a b\u3000c d"),
        ("a\n\n\n\nb\n \n\t\nc", "a\n\nb\n\nc"),
        ("exam-\nple and semi-\n  colon", "example and semicolon"),
        ("Paris-\nLondon, 3-\n4", "Paris-\nLondon, 3-\n4"),
        ("天下大势\n分久必合", "天下大势\n分久必合"),
        ("क\u200dष", "क\u200dष"),
    ],
)
def test_rules_take_out_what_they_name(text, kept):
    assert _kept(text) == kept


def test_code_and_tables_are_never_touched():
    text = "a  b\nx  =  1\na  b"
    blocks = [Block(1, 0, 4, "paragraph"), Block(1, 5, 13, "code"), Block(1, 14, 18, "table")]

    assert _kept(text, blocks) == "a b\nx  =  1\na  b"


def test_rules_can_be_switched_off():
    assert _kept("a  b\x07", rules={"extra_spaces": False}) == "a  b"
    assert _kept("a  b\x07", rules=dict.fromkeys(RULES, False)) == "a  b\x07"


def test_an_unknown_rule_is_refused_with_the_known_ones():
    with pytest.raises(Rejected, match="control_characters, headers_footers, urls"):
        clean([], [], {"lowercase": True})


# Each of these is a rule of Dify that takes content with it.


def test_accented_letters_and_turned_marks_are_no_control_characters():
    assert _kept("naïve ¿Qué? ¾ ÿ þ") == "naïve ¿Qué? ¾ ÿ þ"


def test_angle_brackets_and_pipes_are_left_as_they_are():
    assert _kept("<|endoftext|> a |> b") == "<|endoftext|> a |> b"


def test_indented_code_and_aligned_columns_of_plain_text_keep_their_blanks():
    code = "def f(x):\n    if x:\n        return 1"
    columns = "name     price   stock\nseal      3.10       7\nvalve    14.00      12"

    assert _kept(code) == code
    assert _kept(columns) == columns


def test_blank_lines_of_windows_files_are_collapsed_too():
    source = BytesIO(b"one\r\n\r\n\r\n\r\ntwo\r\nthree")
    (page,) = READERS["text/plain"](source, ReadOptions()).pages

    assert _kept(page.text) == "one\n\ntwo\nthree"


def test_other_names_of_our_rules_work():
    rules = {"remove_extra_spaces": True, "remove_urls_emails": True, "remove_stopwords": False}

    assert known_rules(rules) == {"extra_spaces": True, "urls": True, "emails": True}
    assert _kept("the   site https://e.com or a@e.com.", rules=rules) == "the site or."


def test_stop_words_are_refused_instead_of_ignored():
    with pytest.raises(Rejected, match=r"remove_stopwords.*not done"):
        clean([], [], {"remove_stopwords": True})


# --- own patterns, and too much of everything ------------------------------------------------


def test_own_patterns_are_taken_out_also_of_code_and_tables():
    text = "Ref: A-12 here.\nRef: B-7 there."
    removals = clean([Page(1, text)], [Block(1, 16, 32, "code")], {}, [r"Ref: \w-\d+ ", "^Ref"])

    assert [(r.rule, text[r.start : r.end]) for r in removals] == [
        ("custom_regex", "Ref: A-12 "),
        ("custom_regex", "Ref: B-7 "),
    ]


def test_what_two_rules_want_belongs_to_the_first_and_the_rest_to_the_second():
    text = "see https://e.com/page7 now"
    removals = clean([Page(1, text)], [], {"urls": True}, [r"page7 now"])

    assert [(r.rule, text[r.start : r.end]) for r in removals] == [
        ("urls", " https://e.com/page7"),
        ("custom_regex", " now"),
    ]


def test_a_document_of_which_little_would_be_left_is_refused_with_the_rule_and_its_share():
    text = "https://example.com/a/long/path?with=things ab"
    pages = [Page(1, text)]
    removals = clean(pages, [], {"urls": True})

    with pytest.raises(UnreadableFile, match=r"96% of the text, .* 'urls' takes 96%; 50%") as info:
        refuse_too_much(pages, removals, RULES, 0.5)
    assert info.value.code == "cleaned_too_much"
    refuse_too_much(pages, removals, RULES, 0.97)


def test_white_space_that_goes_is_no_loss():
    pages = [Page(1, "a" + " " * 1000 + "b")]
    removals = clean(pages, [], {})

    assert sum(removal.end - removal.start for removal in removals) == 999
    refuse_too_much(pages, removals, RULES, 0.0)
    with pytest.raises(UnreadableFile):
        refuse_too_much(pages, [Removal("urls", 1, 0, 1)], RULES, 0.0)


@settings(deadline=None)
@example(["aaa\na", "a", "a\n-"], 0, 4)
@given(
    st.lists(st.text(alphabet="ab-\n \t\u3000\x07\u00ad"), max_size=3),
    st.integers(0, 20),
    st.integers(0, 20),
)
def test_removals_are_in_order_apart_and_outside_code(texts, start, length):
    pages = [Page(number, text) for number, text in enumerate(texts, start=1)]
    code = Block(1, start, start + length, "code")

    removals = clean(pages, [code] if length else [], {})

    places = [(removal.page, removal.start, removal.end) for removal in removals]
    assert places == sorted(places)
    for (page, _, end), (next_page, next_start, _) in pairwise(places):
        assert page < next_page or end <= next_start
    for page, first, last in places:
        assert first < last <= len(texts[page - 1])
        assert not (length and page == 1 and first < code.end and last > code.start)
