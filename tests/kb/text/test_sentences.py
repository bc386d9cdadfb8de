"""Sentences: exact offsets, and ends where a reader sees them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb.text.sentences import sentence_extents, trimmed


def sentences(text: str, limit: int | None = None) -> list[str]:
    return [text[start:end] for start, end in sentence_extents(text, limit=limit)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("It costs $3.50 today. Node.js 2.0.1 is out.", None),
        ("Mr. Grey met Dr. Black. They spoke.", ["Mr. Grey met Dr. Black.", "They spoke."]),
        ("Call Mr. Berg at ext. 12. He helps.", ["Call Mr. Berg at ext. 12.", "He helps."]),
        ("I am 30. My house is old.", ["I am 30.", "My house is old."]),
        ("Urlaub verfällt am 31. März. Nur so.", ["Urlaub verfällt am 31. März.", "Nur so."]),
        ("Das Labor ist im 3. Stock, Zimmer 9.", ["Das Labor ist im 3. Stock, Zimmer 9."]),
        ("Der Preis gilt ab dem 1. Mai 2026.", ["Der Preis gilt ab dem 1. Mai 2026."]),
        ("Wir feiern den 25. Geburtstag.", ["Wir feiern den 25. Geburtstag."]),
        ("Es endet am 15. Die Anmeldung ist frei.", ["Es endet am 15.", "Die Anmeldung ist frei."]),
        ("Frau Dr. Weber ist z. B. montags da.", ["Frau Dr. Weber ist z. B. montags da."]),
        ("J. R. Hill wrote it. We read it.", ["J. R. Hill wrote it.", "We read it."]),
        ("Made in the U.S. The rest came later.", ["Made in the U.S.", "The rest came later."]),
        ("Fruit, e.g. pears, etc. is sold.", ["Fruit, e.g. pears, etc. is sold."]),
        ("He waited... and waited. Then left.", ["He waited... and waited.", "Then left."]),
        ('"Why?" he asked. "Because."', ['"Why?" he asked.', '"Because."']),
        ("It fell (hard.) It rose.", ["It fell (hard.)", "It rose."]),
        ("Known since 1900.[12] And later.", ["Known since 1900.[12]", "And later."]),
    ],
)
def test_english_sentences_end_at_full_stops_only(text, expected):
    if expected is None:
        expected = ["It costs $3.50 today.", "Node.js 2.0.1 is out."]
    assert sentences(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("今天下雨。明天晴！后天呢？", ["今天下雨。", "明天晴！", "后天呢？"]),
        ("他说：“走吧。”然后走了。", ["他说：“走吧。”", "然后走了。"]),
        ("「はい。」と言った。雨だ。", ["「はい。」", "と言った。", "雨だ。"]),
        ("版本3.5已发布。很好", ["版本3.5已发布。", "很好"]),
        ('他说。"你好。"走了！', ["他说。", '"你好。"', "走了！"]),
        ("（真的？！），他问。", ["（真的？！），他问。"]),
        ("第一条　甲。\n第二条　乙\n　　丙", ["第一条　甲。", "第二条　乙", "丙"]),
    ],
)
def test_cjk_sentences_need_no_blank_after_their_end(text, expected):
    assert sentences(text) == expected


def test_markdown_structure_ends_a_sentence_and_a_wrapped_line_does_not():
    text = (
        "# Title\n\nwraps over\ntwo lines. Next.\n- item one\n1. step\n\n| a | b |\n|---|---|\n"
        "```python\nx = 1\ny = 2\n```\nAfter."
    )
    assert sentences(text) == [
        "# Title",
        "wraps over\ntwo lines.",
        "Next.",
        "- item one",
        "1. step",
        "| a | b |",
        "|---|---|",
        "```python",
        "x = 1",
        "y = 2",
        "```",
        "After.",
    ]


def test_a_row_of_a_table_ends_a_sentence_and_a_cell_does_not():
    rows = [
        "question: 赵云营寨前的河流叫什么名字？ | answer: 汉水。",
        "question: Who? | answer: Nobody. | note: none",
        "Alpha: 89 | Beta: 82",
    ]
    assert sentences("\n".join(rows)) == rows
    assert sentences("Run a | b here. Then: stop.") == ["Run a | b here.", "Then: stop."]


def test_a_long_sentence_is_cut_at_blanks_or_commas():
    assert sentences("one two three four five", limit=10) == ["one two", "three", "four five"]
    assert sentences("甲乙丙，丁戊己庚辛，壬癸", limit=6) == ["甲乙丙，", "丁戊己庚辛，", "壬癸"]
    assert sentences("x" * 25, limit=10) == ["x" * 10, "x" * 10, "x" * 5]


@given(st.text(alphabet='aB .!?。！\n"”[1]-#|`、，中文3…', max_size=80), st.sampled_from([None, 7]))
def test_every_character_that_is_not_blank_is_in_exactly_one_sentence(text, limit):
    extents = sentence_extents(text, limit=limit)
    position = 0
    for start, end in extents:
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip() != ""
        assert limit is None or end - start <= limit
        position = end
    assert not text[position:].strip()


def test_trimmed_keeps_offsets_exact():
    assert trimmed("  ab  ", 0, 6) == (2, 4)
    assert trimmed("    ", 1, 3) == (1, 1)


def test_a_line_that_begins_with_many_blanks_is_read_in_linear_time():
    """With two ways to part the blanks, so many would take for ever."""
    assert sentence_extents(" " * 200_000 + "pump") == [(200_000, 200_004)]
