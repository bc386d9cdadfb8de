"""A text twice as long costs a page twice the work, whatever it is made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.site import Browser, Site
from tests.browser.steps import counting_browser, steps

pytestmark = pytest.mark.needs("chromium", "chromedriver")

LENGTH = 2_000
MOST = 2.3
"""For twice the text: 2 if the work is linear, 2.8 if it grows as n to the 1.5, 4 as n squared."""

SHOW = """
const { AnswerText } = await import("/static/answer/answer-text.js");
const root = document.createElement("div");
new AnswerText(root, () => {}).render(args[0], args[1]);
"""
STREAM = """
const { AnswerText } = await import("/static/answer/answer-text.js");
const text = new AnswerText(document.createElement("div"), () => {});
const [answer, citations] = args;
const seen = [];
let grown = "";
for (let at = 0; at < answer.length; at += 3) {
  grown += answer.slice(at, at + 3);
  while (citations[seen.length]?.answer_end <= at) seen.push(citations[seen.length]);
  text.render(grown, seen, false);
}
text.render(answer, citations);
"""
DEPTH = """
const { AnswerText } = await import("/static/answer/answer-text.js");
const root = document.createElement("div");
new AnswerText(root, () => {}).render(args[0], []);
let depth = 0;
for (let nodes = [root]; nodes.length > 0; depth += 1) {
  nodes = nodes.flatMap((one) => [...one.children]);
}
return depth;
"""
PARSE = """
const { SseParser } = await import("/static/shared/sse.js");
const parser = new SseParser();
const bytes = new TextEncoder().encode(args[0]);
for (let at = 0; at < bytes.length; at += 2) parser.feed(bytes.subarray(at, at + 2));
"""
QUOTE = """
const { quotedRanges } = await import("/static/shared/offsets.js");
const ranges = quotedRanges(...args);
if (ranges.length === 0) return "nothing was quoted";
"""

REPEATED = (
    *"# \t*_`[]()<>|-+~!\\h1a\n月\"'&:",
    *("🌙", "\r\n", "\n\n", " \n", "a\n", "a ", "**", "__", "****a", "**a ", "*a ", "_a ", "__a "),
    *("**a** ", "*a* ", "_a_ ", "`a` ", "`a``b", "*a_b", "**a*b__c_d ", "a!", "\\*", "[[a]"),
    *("[a", "![", "[a]", "[](", "[a](", "[a](b", "[a](b ", '[a](b "c', "[a](<b", "](", "[a](((b"),
    *("[a](https://b.example) ", "![a](https://b.example) ", "[*a*](https://b.example/c_d_e) "),
    *("http://", "http://:", "http://[", "https://a.example/b ", "https://a.example/b。", "hhttp"),
    *("> ", "> a\n", ">> a\n", "- ", "- a\n", "1. a\n", "1) - a\n", "* * ", "- - -\n", "---\n"),
    *("# a\n", "# a #\n", "```\n", "```a\n", "~~~ a\n", "``` `\n", "- a\n\n", "| a | b |\n"),
    *("$", "$a$ ", "$a", "a$b ", "$$", "$$a$$", "$$\n", "$$\na\n$$\n"),
    *("\\(", "\\(a\\) ", "\\[a\\]\n"),
    *("|---|", "| a\n|---|\n", "<b>", "&amp;", "[1] ", "【1】"),
)
STRETCHED = {
    "a heading of blanks": ("# ", " ", "x"),
    "a heading of blanks before a line separator": ("# ", " ", "x\u2028x"),
    "a heading of closing marks": ("# a ", "# ", "x"),
    "a fence of blanks": ("```", " ", "`"),
    "a rule of blanks": ("---", " ", "x"),
    "an item of blanks": ("- ", " ", ""),
    "a code span of words": ("` ", "a ", "b`"),
    "an address of full stops": ("https://a.example/", "!", "a"),
    "an address that is none": ("http://a b", "http://:", ""),
    "a title without an end": ('[a](b "', "c ", ""),
    "a target of blanks": ("[a](", " ", "b"),
    "brackets before one link": ("", "[", "a](b c"),
    "brackets before one address": ("", "[", "a](https://b.example)"),
    "stars before one word": ("", "*", "a"),
    "a block of code": ("```\n", "a b\n", ""),
    "a row of a table": ("| a | b |\n|---|---|\n", "| c ", ""),
    "rows of a table": ("| a | b |\n|---|---|\n", "| c | d |\n", ""),
    "a table of columns": ("| a " * 500 + "\n" + "|-" * 500 + "\n", "| c |\n", ""),
}
"""Before, again and again, behind."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, filled: Site) -> Iterator[Browser]:
    with counting_browser(tmp_path_factory.mktemp("profile")) as driver:
        browser = Browser(driver, filled)
        browser.sign_in()
        for script in (SHOW, PARSE, QUOTE):  # loads the modules
            browser.script(script, "", [])
        yield browser


def of_length(length: int, unit: str, before: str = "", behind: str = "") -> str:
    return before + unit * (2 * length // len(unit.encode("utf-16-le"))) + behind


def grows_evenly(page: Browser, script: str, small: list[Any], large: list[Any]) -> bool:
    once, twice = steps(page, script, *small), steps(page, script, *large)
    assert once > 100, "the steps were not counted"
    assert twice <= MOST * once, f"{once} steps, and {twice} for twice as much"
    return True


@pytest.mark.parametrize("way", [SHOW, STREAM], ids=["at once", "while it streams"])
@pytest.mark.parametrize("unit", REPEATED, ids=json.dumps)
def test_any_characters_again_and_again_are_read_in_even_time(page: Browser, unit: str, way: str):
    texts = [of_length(length, unit) for length in (LENGTH, 2 * LENGTH)]
    assert grows_evenly(page, way, [texts[0], []], [texts[1], []])


@pytest.mark.parametrize("way", [SHOW, STREAM], ids=["at once", "while it streams"])
@pytest.mark.parametrize("name", STRETCHED)
def test_what_is_stretched_is_read_in_even_time(page: Browser, name: str, way: str):
    before, unit, behind = STRETCHED[name]
    texts = [of_length(length, unit, before, behind) for length in (LENGTH, 2 * LENGTH)]
    assert grows_evenly(page, way, [texts[0], []], [texts[1], []])


@pytest.mark.parametrize("way", [SHOW, STREAM], ids=["at once", "while it streams"])
def test_runs_of_marks_of_every_length_are_read_in_even_time(page: Browser, way: str):
    def runs(mark: str, size: int) -> str:
        return "".join(mark * count + " " for count in range(1, 400))[:size]

    for mark in "`*_[~":
        texts = [runs(mark, size) for size in (LENGTH, 2 * LENGTH)]
        assert grows_evenly(page, way, [texts[0], []], [texts[1], []])


@pytest.mark.parametrize("between", ["", " and\n", "\n\n🌙 "], ids=["line", "lines", "blocks"])
@pytest.mark.parametrize("way", [SHOW, STREAM], ids=["at once", "while it streams"])
def test_an_answer_of_citations_is_read_in_even_time(page: Browser, between: str, way: str):
    def cited(count: int) -> list[Any]:
        step = len("[1]" + between)
        place = {"n": 1, "document_name": "moon.md", "page": 1}
        return [
            ("[1]" + between) * count,
            [
                {**place, "answer_start": at, "answer_end": at + 3}
                for at in range(0, count * step, step)
            ],
        ]

    assert grows_evenly(page, way, cited(200), cited(400))


def test_an_answer_is_never_nested_deeper_than_a_person_can_see(page: Browser):
    deep_list = "\n".join(" " * depth + "- a" for depth in range(200))
    for text in (
        deep_list,
        "> " * 500,
        "[" * 500 + "a](https://b.example)",
        "*_" * 500 + "a" + "_*" * 500,
    ):
        assert page.script(DEPTH, text) <= 24


@pytest.mark.parametrize(
    "unit", ["data: a\n", "data: a\n\n", "a", ":", "\r", "\n", "id\n", "data", ": \n", "data:月\n"]
)
def test_an_event_stream_is_read_in_even_time(page: Browser, unit: str):
    assert grows_evenly(page, PARSE, [of_length(LENGTH, unit)], [of_length(2 * LENGTH, unit)])


@pytest.mark.parametrize("page_of_quotes", [1, 2], ids=["where expected", "looked up"])
def test_the_quotes_of_a_passage_are_found_in_even_time(page: Browser, page_of_quotes: int):
    def quoted(count: int) -> list[Any]:
        sentences = [f"Sentence {number:05} 🌙. " for number in range(count)]
        passage = {"page": 1, "start": 0, "before": "", "text": "".join(sentences), "after": ""}
        step = len(sentences[0])
        citations = [
            {"page": page_of_quotes, "start": number * step, "quote": sentence}
            for number, sentence in enumerate(sentences)
        ]
        return [passage, citations]

    assert grows_evenly(page, QUOTE, quoted(200), quoted(400))
