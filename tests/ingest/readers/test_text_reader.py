"""Plain text: paragraphs and headings without markup."""

from io import BytesIO

import pytest

from ingest.readers.plain.text import heading_level, read_text
from ingest.types import ReadOptions


def _blocks(text):
    extraction = read_text(BytesIO(text.encode()), ReadOptions())
    page = extraction.pages[0].text
    return [(block.kind, block.level, page[block.start : block.end]) for block in extraction.blocks]


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("第一回 宴桃园豪杰三结义 斩黄巾英雄首立功", 2),
        ("    正文 第十二章　出发", 2),
        ("第一回 三人结义,英雄立功", 2),
        ("第三卷", 1),
        ("第二节 管辖", 3),
        ("第三十三条", 4),
        ("一、概述", 4),
        ("前言", 2),
        ("Chapter 1", 2),
        ("CHAPTER IV. The Storm", 2),
        ("Appendix A: Tables", 2),
        ("§ 12 Duties", 3),
        ("1.2 Title of a part", 3),
        ("1.2.3 更深的标题", 4),
    ],
)
def test_headings_show_by_their_wording(line, level):
    assert heading_level(line) == level


@pytest.mark.parametrize(
    "line",
    [
        "第一次世界大战爆发了。",
        "第三十三条　中华人民共和国公民在法律面前一律平等。国家尊重和保障人权。",
        "一、在刑法中增加一款，将该条修改为：“国有公司的董事利用职务便利；",
        "1. Buy milk",
        "1.2 million people came.",
        "3.5 kg",
        "1.2 Title of a part ........ 17",
        "1.2 Title of a part 17",
        "Chapter and verse were quoted at length",
        "section 4 applies",
        "2024-11-08 12:00",
        "Part of the answer is here",
    ],
)
def test_sentences_lists_and_contents_are_no_headings(line):
    assert heading_level(line) is None


def test_blank_lines_part_paragraphs_and_wrapped_lines_stay_together():
    assert _blocks("One\ntwo.\n\n\nThree.\n") == [
        ("paragraph", 0, "One\ntwo."),
        ("paragraph", 0, "Three."),
    ]


def test_a_novel_is_parted_by_its_indents():
    assert _blocks("第一回 开始\n　　话说天下。\n　　次日，出发。") == [
        ("heading", 2, "第一回 开始"),
        ("paragraph", 0, "　　话说天下。"),
        ("paragraph", 0, "　　次日，出发。"),
    ]


def test_lines_that_were_never_wrapped_are_paragraphs():
    long_line = "话说天下大势分久必合。" * 20

    assert [kind for kind, _, _ in _blocks(f"{long_line}\n次日。")] == ["paragraph"] * 2


def test_the_page_is_the_file_as_it_stands():
    extraction = read_text(BytesIO("a\r\n  b \tc\r\n".encode("utf-16")), ReadOptions())

    assert extraction.pages[0].text == "a\n  b \tc\n"
    assert extraction.encoding == "utf-16"
    assert extraction.encoding_confidence == 1.0


def test_nul_characters_go_and_are_counted():
    extraction = read_text(BytesIO(b"a\x00b" + b" text" * 50), ReadOptions(encoding="ascii"))

    assert extraction.pages[0].text.startswith("ab")
    assert extraction.warnings == ("1 NUL or broken characters were removed.",)
