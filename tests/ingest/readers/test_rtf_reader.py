r"""RTF: groups, code pages, Unicode, tables, and what is not text."""

from __future__ import annotations

from io import BytesIO

import pytest

from ingest.readers.office.rtf import read_rtf
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile

HEAD = (
    rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset134 SimSun;}"
    rb"{\f2\fcharset204 Arial Cyr;}{\f3\fnil\fcharset2{\*\panose 05000000000000000000}Wingdings;}"
    rb"{\f4\fcharset2 Wingdings 2;}}{\stylesheet{\s0 Normal;}{\s1\outlinelevel1 Kapitel;}"
    rb"{\s2 heading 3;}}"
)


def read(body: bytes) -> Extraction:
    return read_rtf(BytesIO(HEAD + body + b"}"), ReadOptions())


def blocks(body: bytes) -> list[tuple[str, int, str]]:
    found = read(body)
    texts = {page.number: page.text for page in found.pages}
    return [
        (block.kind, block.level, texts[block.page][block.start : block.end])
        for block in found.blocks
    ]


def text(body: bytes) -> str:
    return read(body).pages[0].text


def test_headings_come_from_outline_levels_and_heading_styles():
    assert blocks(rb"\pard\s1 A\par\pard\s2 B\par\pard\outlinelevel0 C\par\pard D\par") == [
        ("heading", 2, "A"),
        ("heading", 3, "B"),
        ("heading", 1, "C"),
        ("paragraph", 0, "D"),
    ]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (rb"caf\'e9", "café"),
        (rb"{\f1 \'d6\'d0\'b9\'fa}", "中国"),
        (rb"{\f2 \'cc\'e8\'f0}", "Мир"),
        (rb"\u20013?\u22269?", "中国"),
        (rb"\uc0\u20013\u22269 x", "中国x"),
        (rb"\uc2\u8364\'80\'80!", "€!"),
        (rb"\u-10179?\u-8704?", "\U0001f600"),
        (rb"a\~b\_c\-d", "a\u00a0b\u2011cd"),
        (rb"\ldblquote x\rdblquote\emdash\{\}\\", "“x”—{}\\"),
        (b"broken\r\nline", "brokenline"),
    ],
)
def test_characters_in_every_spelling(body, shown):
    assert text(body) == shown


def test_rows_of_a_table_carry_the_header():
    row = rb"\trowd\cellx1\cellx2\intbl %s\cell %s\cell\row"
    table = row % (b"part", b"price") + row % (b"seal", b"3")

    assert blocks(table + rb"\pard end\par") == [
        ("table", 0, "part: seal | price: 3"),
        ("paragraph", 0, "end"),
    ]


def test_vertically_merged_cells_are_repeated():
    row = rb"\trowd%s\cellx1\cellx2\intbl %s\cell %s\cell\row"
    table = row % (b"", b"part", b"price") + row % (rb"\clvmgf", b"seal", b"3")
    table += row % (rb"\clvmrg", b"", b"4")

    assert blocks(table)[-1] == ("table", 0, "part: seal | price: 4")


def test_page_breaks_make_pages():
    assert [page.text for page in read(rb"one\par\page two\par").pages] == ["one", "two"]


def test_list_labels_stay_if_they_count_and_bullets_go():
    items = rb"{\listtext\pard 2.\tab}two\par{\listtext\'b7\tab}dot\par"

    assert blocks(items) == [("list", 0, "2. two"), ("list", 0, "dot")]


def test_notes_headers_and_footers_stand_at_the_end():
    body = rb"{\header ACME\par}{\footer 3}one{\footnote\pard a foot}\par two\par"

    assert text(body).split("\n\n") == ["one[1]", "two", "[1] a foot", "ACME"]


def test_pictures_fields_and_comments_are_no_text():
    found = read(
        rb"a{\pict\pngblip 89504e47}{\field{\*\fldinst HYPERLINK x}{\fldrslt link}}"
        rb"{\*\annotation hm}{\*\unknown junk}b{\info{\title T}}{\bin4 }}}}c"
    )

    assert found.pages[0].text == "alinkbc"
    assert found.warnings == ("Comments left out: 1.", "Pictures not read: 1.")


def test_hidden_and_deleted_text_is_left_out_and_counted():
    found = read(rb"seen{\v hidden}{\deleted gone}\par")

    assert found.pages[0].text == "seen"
    assert found.warnings == (
        "Characters of deleted text (tracked changes) left out: 4.",
        "Characters of hidden text left out: 6.",
    )


def test_a_text_box_is_read():
    shape = rb"{\shp{\*\shpinst{\sp{\sn x}{\sv 1}}{\shptxt\pard boxed\par}}}"

    assert "boxed" in text(b"beside" + shape)
    assert "sn" not in text(b"beside" + shape)


@pytest.mark.parametrize("data", [b"", b"plain", b"{\\rtf1}"])
def test_what_holds_nothing_is_refused(data):
    with pytest.raises(UnreadableFile):
        read_rtf(BytesIO(data), ReadOptions())


def test_deep_groups_are_refused():
    with pytest.raises(UnreadableFile) as refused:
        read(b"{" * 20_000)
    assert refused.value.code == "damaged_file"


def test_a_group_that_never_ends_keeps_its_text():
    assert text(b"{{{open").strip() == "open"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (rb"{\f3\'fe} Paid {\f3\'a8} Open", "☒ Paid ☐ Open"),
        (rb"{\f3 \u-3842\'fe} Paid {\f3\u-3928?} Open", "☒ Paid ☐ Open"),
        (rb"{\f3\'fe }Paid", "☒ Paid"),
        (rb"{\f4 R\u-3933?\'99} three", "☒☐☐ three"),
        (rb"\f3\'fe\plain\'fe", "☒þ"),
        (rb"{\field{\*\fldinst SYMBOL 254 \\f Wingdings}{\fldrslt}} Paid", "☒ Paid"),
        (rb'{\field{\*\fldinst {\b SYMBOL 0xA8 \\f "Wingdings" \\s 12}}} Open', "☐ Open"),
        (rb"{\field{\*\fldinst SYMBOL 254 \\f Wingdings}{\fldrslt{\f3\'fe}}} Paid", "☒ Paid"),
        (rb"{\field{\*\fldinst SYMBOL 169 \\f Arial}} 2026", "© 2026"),
        (rb"{\field{\*\fldinst SYMBOL 065}}{\field{\*\fldinst SYMBOL 99999999}} x", "A x"),
    ],
)
def test_signs_of_symbol_fonts_look_as_in_the_open_file(body, shown):
    assert text(body) == shown


def form(kind: bytes, inner: bytes, result: bytes = b"") -> bytes:
    field = rb"{\*\formfield{" + inner + rb"}}"
    return rb"{\field{\*\fldinst {" + kind + b" }" + field + rb"}{\fldrslt " + result + b"}}"


@pytest.mark.parametrize(
    ("field", "shown"),
    [
        (form(b"FORMCHECKBOX", rb"\fftype1\ffres1{\*\ffname Paid}\ffdefres0"), "☒"),
        (form(b"FORMCHECKBOX", rb"\fftype1\ffres0\ffdefres1"), "☐"),
        (form(b"FORMCHECKBOX", rb"\fftype1\ffres25\ffdefres1"), "☒"),
        (form(b"FORMCHECKBOX", rb"\fftype1"), "☐"),
        (form(b"FORMDROPDOWN", rb"\fftype2\ffres1{\*\ffl North}{\*\ffl South}"), "South"),
        (form(b"FORMDROPDOWN", rb"\fftype2\ffres25{\*\ffl North}{\*\ffl South}"), "North"),
        (form(b"FORMDROPDOWN", rb"\fftype2\ffres1{\*\ffl N}{\*\ffl S}", b"S"), "S"),
        (form(b"FORMTEXT", rb"\fftype0{\*\ffdeftext none}", b"Ada"), "Ada"),
    ],
)
def test_values_of_form_fields_are_in_the_text(field, shown):
    assert text(b"Site: " + field + b".") == f"Site: {shown}."


def test_one_field_says_nothing_about_the_next():
    first = form(b"FORMCHECKBOX", rb"\fftype1\ffres1")
    link = rb'{\field{\*\fldinst HYPERLINK "https://example.org"}{\fldrslt page}}'
    assert text(first + b" " + form(b"FORMCHECKBOX", b"") + b" " + link) == "☒ ☐ page"


def test_comments_and_objects_are_counted():
    found = read(
        rb"Text{\*\atnauthor Ann}\chatn {\*\annotation{\*\atnref 0}Check this}, "
        rb"{\object\objemb{\*\objdata 0105}{\result{\pict 00}}}{\*\shppict{\pict 00}}end.\par"
    )

    assert found.pages[0].text == "Text, end."
    assert found.warnings == (
        "Comments left out: 1.",
        "Embedded files not read: 1.",
        "Pictures not read: 1.",
    )
