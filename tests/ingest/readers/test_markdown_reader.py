"""Markdown: its source is quoted, its blocks are known."""

from io import BytesIO

from ingest.readers.web.markdown import read_markdown
from ingest.types import ReadOptions
from tests.ingest.readers.samples import MARKDOWN


def _blocks(source):
    extraction = read_markdown(BytesIO(source.encode()), ReadOptions())
    page = extraction.pages[0].text
    assert page == source
    return [(block.kind, block.level, page[block.start : block.end]) for block in extraction.blocks]


def test_every_block_is_found_with_its_kind():
    assert _blocks(MARKDOWN) == [
        ("code", 0, "---\ntitle: Pumps\n---"),
        ("heading", 1, "# Pumps"),
        ("paragraph", 0, "A pump moves water."),
        ("heading", 2, "## Parts"),
        ("table", 0, "| part | price |\n|------|-------|\n| seal | 3     |"),
        ("list", 0, "- one\n- two"),
        ("code", 0, "```python\nx  =  1\n```"),
    ]


def test_code_inside_a_list_is_code():
    source = "- one\n\n  ```\n  a  b\n  ```\n\n- two\n"

    assert [(kind, text.strip()) for kind, _, text in _blocks(source)] == [
        ("list", "- one"),
        ("code", "```\n  a  b\n  ```"),
        ("list", "- two"),
    ]


def test_underlined_headings_count():
    assert _blocks("Title\n=====\n\ntext\n")[0] == ("heading", 1, "Title\n=====")


def test_a_number_sign_in_code_is_no_heading():
    assert [kind for kind, _, _ in _blocks("```\n# comment\n```\n")] == ["code"]


def test_deep_nesting_ends_quietly():
    extraction = read_markdown(BytesIO(b"> " * 5000 + b"deep"), ReadOptions())

    assert extraction.pages[0].text.endswith("deep")


def _read(source):
    return read_markdown(BytesIO(source.encode()), ReadOptions())


def test_comments_are_no_text_and_are_counted():
    found = _read(
        "# Seats\n\n<!--\nFive before.\n-->\n\nNine <!-- or ten -->seats.\n\n[//]: # (old)\n"
    )

    assert found.pages[0].text.split("\n\n") == ["# Seats", "", "Nine seats.", "\n"]
    assert found.warnings == ("Characters of comments left out: 49.",)


def test_comments_in_code_are_code():
    source = "```html\n<!-- kept -->\n```\n\nWrite `<!-- so -->` in it.\n"

    assert _read(source).pages[0].text == source


def test_openings_without_end_take_linear_work():
    assert len(_read("<!-- ``` ` " * 3_000 + "end").pages[0].text) > 3_000


def test_raised_text_changes_no_figure():
    source = "3 x 10<sup>6</sup> litres at 70<sup>1</sup> EUR, CO<sub>2</sub>, `x<sup>2</sup>`\n"

    assert _read(source).pages[0].text == ("3 x 10^6 litres at 70 [1] EUR, CO2, `x<sup>2</sup>`\n")


def test_raised_and_lowered_text_between_signs_changes_no_figure_and_formulas_stay():
    source = "H~2~O, x^2^, 3 x 10^6^ litres, 80^1^ EUR; x^2+y^2=z^2, 5~10~15 days, `a^2^`\n"

    assert _read(source).pages[0].text == (
        "H2O, x², 3 x 10^6 litres, 80 [1] EUR; x^2+y^2=z^2, 5~10~15 days, `a^2^`\n"
    )


def test_items_that_all_have_the_same_number_are_counted_as_a_page_shows_them():
    source = (
        "---\na: b\n---\n\n3. three\n3. four\n   1. x\n   1. y\n\ntext\n\n1) one\n2) two\n4) odd\n"
    )

    assert _read(source).pages[0].text.split("\n\n")[1:] == [
        "3. three\n4. four\n   1. x\n   2. y",
        "text",
        "1) one\n2) two\n4) odd\n",
    ]


def test_rows_of_a_table_have_outer_bars():
    source = "Op | Use\n---|---\n`a \\| b` | pipe \\|\nx | y |\n\nno | table\n"

    assert _read(source).pages[0].text == (
        "| Op | Use |\n| ---|--- |\n| `a \\| b` | pipe \\| |\n| x | y |\n\nno | table\n"
    )
