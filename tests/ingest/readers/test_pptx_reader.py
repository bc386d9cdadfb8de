"""Presentations: slides as pages, titles as headings, notes, tables and charts."""

from __future__ import annotations

from io import BytesIO

import pytest

from ingest.readers.office.pptx import read_pptx
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile
from tests.ingest.readers.office_samples import pptx, relations, shape


def read(*slides: str, extra: dict[str, str | bytes] | None = None) -> Extraction:
    return read_pptx(BytesIO(pptx(slides, extra)), ReadOptions())


def blocks(extraction: Extraction) -> list[tuple[str, str]]:
    texts = {page.number: page.text for page in extraction.pages}
    return [(block.kind, texts[block.page][block.start : block.end]) for block in extraction.blocks]


def test_a_slide_is_a_page_and_its_title_comes_first():
    found = read(shape(["body"]) + shape(["Title", "goes on"], "title"), shape(["two"]))

    assert [page.text for page in found.pages] == ["Title goes on\n\nbody", "two"]
    assert blocks(found)[0] == ("heading", "Title goes on")


def test_an_empty_slide_is_named():
    assert read(shape(["one"]), "", shape(["three"])).empty_pages == (2,)


def test_groups_are_opened_and_slide_numbers_left_out():
    number = shape(["7"], "sldNum").replace("a:r>", "a:fld>")
    found = read(f"<p:grpSp><p:grpSp>{shape(['deep'])}</p:grpSp></p:grpSp>{number}")

    assert blocks(found) == [("paragraph", "deep")]


def test_notes_stand_below_their_slide_with_a_label():
    notes = f"<p:notes NAMESPACES><p:cSld><p:spTree>{shape(['1'], 'sldNum')}"
    notes += f"{shape(['say this'], 'body')}</p:spTree></p:cSld></p:notes>"
    links = relations({"rId1": ("notesSlide", "../notesSlides/n.xml")})
    extra = {"ppt/notesSlides/n.xml": notes, "ppt/slides/_rels/slide1.xml.rels": links}

    assert blocks(read(shape(["x"]), extra=extra)) == [
        ("paragraph", "x"),
        ("paragraph", "Notes: say this"),
    ]


def test_tables_repeat_their_header_and_merged_cells():
    def cell(text: str, marks: str = "") -> str:
        return f"<a:tc {marks}><a:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></a:txBody></a:tc>"

    first, below = 'rowSpan="2"', 'vMerge="1"'
    table = (
        f"<a:tr>{cell('part')}{cell('price')}</a:tr>"
        f"<a:tr>{cell('seal', first)}{cell('3')}</a:tr>"
        f"<a:tr>{cell('', below)}{cell('4')}</a:tr>"
    )

    assert blocks(read(f"<p:graphicFrame><a:tbl>{table}</a:tbl></p:graphicFrame>")) == [
        ("table", "part: seal | price: 3"),
        ("table", "part: seal | price: 4"),
    ]


def test_the_stored_values_of_a_chart_are_read():
    def points(*values: str) -> str:
        return "".join(f'<c:pt idx="{n}"><c:v>{v}</c:v></c:pt>' for n, v in enumerate(values))

    chart = (
        "<c:chartSpace NAMESPACES><c:title><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:title>"
        f"<c:ser><c:tx>{points('Pumps')}</c:tx><c:cat>{points('Q1', 'Q2')}</c:cat>"
        f"<c:val>{points('5', '7')}</c:val></c:ser></c:chartSpace>"
    )
    links = relations({"rId9": ("chart", "../charts/c.xml")})
    extra = {"ppt/charts/c.xml": chart, "ppt/slides/_rels/slide1.xml.rels": links}
    frame = '<p:graphicFrame><c:chart r:id="rId9"/></p:graphicFrame>'

    assert read(frame, extra=extra).pages[0].text == "Sales\nQ1 | Pumps: 5\nQ2 | Pumps: 7"


def test_a_hidden_slide_is_read_and_flagged():
    hidden = f'<p:sld show="0"><p:cSld><p:spTree>{shape(["spare"])}</p:spTree></p:cSld></p:sld>'

    found = read(shape(["one"]), hidden)

    assert found.pages[1].text == "spare"
    assert found.warnings == ("Hidden slides were read, too: 2.",)


def test_pictures_are_counted_and_described_by_what_people_wrote():
    def picture(text: str) -> str:
        return f'<p:pic><p:nvPicPr><p:cNvPr descr="{text}"/></p:nvPicPr></p:pic>'

    found = read(picture("A red pump") + picture("Logo&#10;Description automatically generated"))

    assert blocks(found) == [
        ("paragraph", "[Picture: A red pump]"),
        ("paragraph", "[Picture: Logo]"),
    ]
    assert found.warnings == ("Pictures not read: 2.",)


def test_a_presentation_of_pictures_says_so():
    with pytest.raises(UnreadableFile, match="only pictures") as refused:
        read("<p:pic/>")
    assert refused.value.code == "no_text"
