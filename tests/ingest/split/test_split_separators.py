"""Documents cut at separators: literal, or regular expressions."""

import pytest

from tests.ingest.split.split_parts import chunks, pages, read


def test_a_chinese_separator_is_taken_as_it_is():
    text = "第一句。第二句！还是第二句。第三句。"

    found = chunks(pages(text), mode="separator", separator="。", merge=False)
    kept = chunks(pages(text), mode="separator", separator="。", merge=False, keep_separator=True)

    assert [chunk.text for chunk in found] == ["第一句", "第二句！还是第二句", "第三句"]
    assert [chunk.text for chunk in kept] == ["第一句。", "第二句！还是第二句。", "第三句。"]


def test_small_pieces_are_merged_up_to_the_limit_and_the_separator_is_not_searched():
    text = "###".join(f"piece number {n}" for n in range(12))

    found = chunks(pages(text), mode="separator", separator="###", max_tokens=16)

    assert len(found) == 4
    assert found[0].text == "piece number 0###piece number 1###piece number 2"
    assert found[0].index_text == "piece number 0\npiece number 1\npiece number 2"


@pytest.mark.parametrize("written", ["\n\n", "\\n\\n", "\r\n\r\n", "\\r\\n\\r\\n"])
def test_line_breaks_may_be_written_in_any_way(written):
    found = chunks(pages("one\n\ntwo"), mode="separator", separator=written, merge=False)

    assert [chunk.text for chunk in found] == ["one", "two"]


def test_a_separator_may_be_a_regular_expression():
    text = "Q1: what? A: this. Q2: why? A: that."

    found = chunks(pages(text), mode="separator", separator=r"(?=Q\d:)|\s+A:", regex=True)
    apart = chunks(pages(text), mode="separator", separator=r"Q\d:", regex=True, merge=False)

    assert len(found) == 1
    assert [chunk.text for chunk in apart] == ["what? A: this.", "why? A: that."]


def test_pieces_that_are_too_large_are_cut_as_usual():
    text = "Short.===" + "A pump moves water. " * 20 + "===Short too."

    found = chunks(pages(text), mode="separator", separator="===", merge=False)

    assert found[0].text == "Short."
    assert found[-1].text == "Short too."
    assert all(chunk.text.endswith("water.") for chunk in found[1:-1])


def test_headings_above_a_piece_still_stand_above_it():
    source = "# Pumps\n\none @@ two\n\n## Seals\n\nthree @@ four\n"

    found = chunks(read(source), mode="separator", separator="@@", merge=False)

    assert [chunk.heading for chunk in found] == ["Pumps", "Pumps", "Pumps > Seals"]
    assert [chunk.index_text.split("\n")[-1] for chunk in found] == ["one", "three", "four"]


def test_a_separator_that_is_nowhere_changes_nothing():
    text = "A pump moves water. " * 20

    plain = chunks(pages(text))

    assert chunks(pages(text), mode="separator", separator="@@@") == plain
