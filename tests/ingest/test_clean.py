"""Cleaning yields what it removes and changes nothing."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.clean import RULES, clean
from ingest.types import Block
from kb.errors import Rejected
from kb.types import Page


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
    with pytest.raises(Rejected, match="control_characters, hyphenation, extra_spaces"):
        clean([], [], {"lowercase": True})


@settings(deadline=None)
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
