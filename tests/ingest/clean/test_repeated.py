"""Running headers and footers, copied lines, page furniture."""

import pytest

from ingest.clean.cleaning import clean
from kb.types import Block, Page

BODIES = [f"This page is about matter {word}." for word in ("one", "two", "three", "four", "five")]


def _cleaned(texts, rules=None, blocks=()):
    pages = [Page(number, text) for number, text in enumerate(texts, start=1)]
    kept = {page.number: "" for page in pages}
    position = dict.fromkeys(kept, 0)
    for item in clean(pages, blocks, rules or {}):
        kept[item.page] += pages[item.page - 1].text[position[item.page] : item.start]
        position[item.page] = item.end
    return [kept[p.number] + p.text[position[p.number] :] for p in pages]


def test_headers_and_footers_with_page_numbers_go_from_every_page():
    texts = [f"ACME  Manual\n{body}\nPage {n} of 5" for n, body in enumerate(BODIES, start=1)]

    assert _cleaned(texts) == [f"{body}" for body in BODIES]


def test_headers_that_alternate_between_left_and_right_pages_go():
    texts = [f"{('Pumps', 'Seals')[n % 2]}\n{BODIES[n % 5]}\n{n + 1}" for n in range(6)]

    assert _cleaned(texts) == [BODIES[n % 5] for n in range(6)]


@pytest.mark.parametrize("footer", ["- {} -", "第{}页 共9页", "{}", "ACME {}"])
def test_page_numbers_of_many_forms_go(footer):
    texts = [f"{body}\n{footer.format(n)}" for n, body in enumerate(BODIES, start=3)]

    assert _cleaned(texts) == BODIES


@pytest.mark.parametrize(
    "footers", [("i", "ii", "iii", "iv", "v"), [f"第{number}页" for number in "一二三四五"]]
)
def test_roman_and_chinese_page_numbers_go(footers):
    texts = [f"{body}\n{footer}" for body, footer in zip(BODIES, footers, strict=True)]

    assert _cleaned(texts) == BODIES


def test_numbers_that_do_not_count_pages_are_content():
    numbers = (1007, 4411, 203, 88, 7)
    texts = [f"Invoice No. {n}\n{body}" for n, body in zip(numbers, BODIES, strict=True)]

    assert _cleaned(texts) == texts


def test_two_pages_or_a_minority_of_pages_are_chance():
    two = [f"Same line\n{body}" for body in BODIES[:2]]
    some = [
        f"{'Same line' if n < 3 else BODIES[n % 5]}\n{body}" for n, body in enumerate(BODIES * 2)
    ]

    assert _cleaned(two) == two
    assert _cleaned(some) == some


def test_a_repeated_line_in_the_middle_of_pages_stays():
    texts = [f"a{body}\nb{body}\nc{body}\nSame line\nd{body}\ne{body}\nf{body}" for body in BODIES]

    assert _cleaned(texts) == texts


def test_pages_that_hold_nothing_else_keep_their_only_line():
    assert _cleaned(["Confidential"] * 5) == ["Confidential"] * 5


def test_one_page_without_a_body_loses_its_header_like_the_others():
    assert _cleaned(["ACME", *(f"ACME\n{body}" for body in BODIES)]) == ["", *BODIES]


def test_a_list_or_a_table_at_the_top_of_pages_is_no_header():
    texts = [f"From: mary\n{body}" for body in BODIES]
    blocks = [Block(n, 0, 10, "list") for n in range(1, 6)]

    assert _cleaned(texts, blocks=blocks) == texts


def test_headers_can_be_kept():
    texts = [f"ACME\n{body}" for body in BODIES]

    assert _cleaned(texts, {"headers_footers": False}) == texts


def test_copied_lines_go_only_when_asked_for_and_the_first_stays():
    texts = ["Please call us today.\nyes\nyes\nA.", "Please call us today.\nB."]

    assert _cleaned(texts) == texts
    assert _cleaned(texts, {"duplicate_lines": True}) == [
        "Please call us today.\nyes\nyes\nA.",
        "B.",
    ]


def test_the_furniture_of_web_pages_goes_only_when_asked_for():
    text = (
        "Skip to content\nHome > Products > Pumps\nPumps move water. Sign in to read on.\n"
        "© 2026 ACME. All rights reserved.\n首页 > 新闻 > 正文\n"
        "当前位置：首页\n上一篇：水泵\n正文在这里。\n京ICP备1号"
    )

    assert _cleaned([text]) == [text]
    assert _cleaned([text], {"boilerplate": True}) == [
        "Pumps move water. Sign in to read on.\n正文在这里。\n"
    ]


@pytest.mark.parametrize("line", ["home" + " >" * 70, "首页" + "a" * 100 + ">>>>", "cookie " * 20])
def test_hostile_furniture_takes_no_time(line):
    assert _cleaned([f"{line}\n" * 50], {"boilerplate": True}) == [f"{line}\n" * 50]
