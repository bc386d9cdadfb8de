"""Whatever a text consists of, twice as much of it is twice as much work, not four times."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pytest

from ingest.clean.cleaning import RULES, clean
from ingest.sandbox.processing import process
from ingest.types import Extraction
from kb.errors import UnreadableFile
from kb.models.embed.hash_embedder import WordTokenizer
from kb.types import Block, BlockKind, Page, Processing, SplitOptions
from tests.ingest.steps import CountedText, steps

CHARACTERS = 1000
UNITS = {
    "commas": ",",
    "dots": ".",
    "sentences": ". ",
    "numbers": "1,2,3,",
    "opening brackets": "([",
    "closing brackets": "])",
    "blanks": " ",
    "columns": "a  ",
    "digits": "7",
    "Han": "刘",
    "Han sentences": "刘。",
    "quotes": "\"'",
    "Han quotes": '。"',
    "Han quotes that go on": '。""，',
    "one letter": "a",
    "words": "word ",
    "newlines": "\n",
    "lines": "a\n",
    "blank lines": "a\n \n",
    "articles": "第一条 ",
    "cells": "| a ",
    "columns of questions": "question: a | answer: b\n",
    "rules of tables": "|-\n",
    "fences": "```\n",
    "headings": "# a\n",
    "items": "- a\n",
    "addresses": "http://a ",
    "links": "[](http://a ",
    "mail": "a@",
    "hyphens": "a-\n",
    "invisible": "\u200b",
}
SPLITS = {
    "auto": SplitOptions(),
    "overlap": SplitOptions(overlap=60),
    "rows": SplitOptions(rows=True),
    "separator": SplitOptions(mode="separator", separator=","),
    "lines": SplitOptions(mode="separator", separator="\\n", merge=False),
    "regex": SplitOptions(mode="separator", separator="a+", regex=True, keep_separator=True),
    "sections": SplitOptions(mode="parent_child"),
    "paragraphs": SplitOptions(mode="parent_child", parent="paragraph"),
    "qa": SplitOptions(mode="qa"),
}
KINDS: dict[str, BlockKind] = {"auto": "paragraph", "rows": "table", "lines": "code"}
"""What the text is said to be; a list where nothing is said."""


def grows(work: Callable[[Page], object], monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """By unit: how often the steps of a text the steps of one of double length are, if too often.

    2 is linear and 4 is quadratic.
    """
    found = {}
    for name, unit in UNITS.items():
        short, long = (
            Page(1, CountedText(f'"{unit * size}'[:size])) for size in (CHARACTERS, 2 * CHARACTERS)
        )
        once, twice = (steps(partial(work, page), monkeypatch) for page in (short, long))
        found[name] = twice / once
    return {name: growth for name, growth in found.items() if growth > 2.6}


@pytest.mark.parametrize("name", SPLITS)
def test_every_way_of_splitting_is_linear(name, monkeypatch: pytest.MonkeyPatch):
    def work(page: Page) -> None:
        kind = KINDS.get(name, "list")
        extraction = Extraction((page,), (Block(1, 0, len(page.text), kind),), None, None, "t 1")
        own = {"chunk_prefix": "c", "document_id": "d", "max_tokens": 16}
        processing = Processing(clean=dict.fromkeys(RULES, False), split=SPLITS[name])
        with suppress(UnreadableFile):  # no questions, or nothing left
            process(extraction, processing, WordTokenizer(), **own)

    assert grows(work, monkeypatch) == {}


@pytest.mark.parametrize("rule", RULES)
def test_every_cleaning_rule_is_linear(rule, monkeypatch: pytest.MonkeyPatch):
    rules = {**dict.fromkeys(RULES, False), rule: True}
    assert grows(lambda page: clean([page], [], rules, ["a+"]), monkeypatch) == {}
