"""Addresses go, and what stands around them stays."""

import time

import pytest

from ingest.clean.cleaning import clean
from kb.types import Block, Page

ON = {"urls": True, "emails": True, "extra_spaces": False}


def _kept(text, blocks=(), rules=ON):
    kept, position = "", 0
    for removal in clean([Page(1, text)], blocks, rules):
        kept += text[position : removal.start]
        position = removal.end
    return kept + text[position:]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (
            "详见https://e.com/a。第三章规定退款期限为七天，逾期不予受理。",
            "详见。第三章规定退款期限为七天，逾期不予受理。",
        ),
        ("官网 https://e.com/a）第三章", "官网）第三章"),
        ("见https://e.com/条款第一条", "见条款第一条"),
        ("（https://e.com/a?b=1&c=2）", "（）"),
        ("see https://e.com/a for more", "see for more"),
        ("see (https://e.com/a_(b)), then", "see (), then"),
        ("It is at https://e.com. Go there.", "It is at. Go there."),
        ("at http://e.com/a,b; and", "at; and"),
        ("go to www.e.com/x now", "go to now"),
        ("[the form](https://e.com/f) is", "the form is"),
        ("![a chart](https://e.com/c.png) shows", "a chart shows"),
        ('[form](https://e.com/f "Title") is', 'form "Title" is'),
        ("[![badge](https://e.com/b.svg)](https://e.com/ci) x", "badge x"),
        ("[see [1]](https://e.com/f)", "see [1]"),
        ("[relative](other.md) stays", "[relative](other.md) stays"),
        ("<https://e.com> and <mailto:a@e.com>", " and <>"),
        ("mail mary.b+x@mail.e.com today", "mail today"),
        ("邮箱mary@e.com。谢谢", "邮箱。谢谢"),
        ("a @ b, @handle, 3@4, foo@bar", "a @ b, @handle, 3@4, foo@bar"),
        ("https:// and http:/x", "https:// and http:/x"),
    ],
)
def test_only_the_address_goes(text, kept):
    assert _kept(text) == kept


def test_addresses_stay_unless_they_are_asked_for():
    text = "https://e.com and a@e.com"

    assert _kept(text, rules={}) == text


def test_code_keeps_its_addresses_and_a_table_does_not():
    text = "curl https://e.com/a\nmary a@e.com"
    blocks = [Block(1, 0, 20, "code"), Block(1, 21, 33, "table")]

    assert _kept(text, blocks) == "curl https://e.com/a\nmary"


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "a." * 100_000 + "@",
        "[" * 100_000,
        "https://" + "(" * 100_000,
        "http://a)" * 20_000,
        "@" * 200_000,
    ],
)
def test_hostile_text_takes_no_time(text):
    began = time.process_time()

    _kept(text)

    assert time.process_time() - began < 5
