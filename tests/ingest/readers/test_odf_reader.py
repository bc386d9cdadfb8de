"""OpenDocument: texts, slides and sheets."""

from __future__ import annotations

from io import BytesIO

import pytest

from ingest.readers.office.odf import read_odf
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile
from tests.ingest.readers.office_samples import odf, zipped


def read(kind: str, content: str, extra: dict[str, str] | None = None) -> Extraction:
    return read_odf(BytesIO(odf(kind, content, extra)), ReadOptions())


def blocks(extraction: Extraction) -> list[tuple[str, int, str]]:
    texts = {page.number: page.text for page in extraction.pages}
    return [
        (block.kind, block.level, texts[block.page][block.start : block.end])
        for block in extraction.blocks
    ]


def row(*cells: str) -> str:
    made = (f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in cells)
    return f"<table:table-row>{''.join(made)}</table:table-row>"


def table(*rows: str, name: str = "Sheet") -> str:
    return f'<table:table table:name="{name}">{"".join(rows)}</table:table>'


def test_a_text_has_headings_lists_and_blanks():
    found = read(
        "text",
        '<text:h text:outline-level="2">Parts</text:h>'
        '<text:p>a<text:s text:c="2"/>b<text:line-break/>c<text:span>d</text:span></text:p>'
        "<text:list><text:list-item><text:p>one</text:p><text:list><text:list-item>"
        "<text:p>two</text:p></text:list-item></text:list></text:list-item></text:list>",
    )

    assert blocks(found) == [
        ("heading", 2, "Parts"),
        ("paragraph", 0, "a  b\ncd"),
        ("list", 0, "one"),
        ("list", 0, "two"),
    ]


def test_notes_stand_at_the_end_of_their_page():
    note = "<text:note><text:note-citation>1</text:note-citation><text:note-body>"
    note += "<text:p>a foot</text:p></text:note-body></text:note>"
    found = read(
        "text", f"<text:p>one{note}<text:soft-page-break/>two</text:p><text:p>end</text:p>"
    )

    assert [page.text for page in found.pages] == ["one[1]", "two\n\nend\n\n[1] a foot"]


def test_comments_and_deletions_are_left_out():
    changes = "<text:tracked-changes><text:changed-region><text:deletion><text:p>gone</text:p>"
    changes += "</text:deletion></text:changed-region></text:tracked-changes>"
    found = read(
        "text",
        f"{changes}<text:p>kept<office:annotation><text:p>hm</text:p></office:annotation></text:p>",
    )

    assert [text for _, _, text in blocks(found)] == ["kept"]
    assert found.warnings == (
        "Characters of deleted text (tracked changes) left out: 4.",
        "Comments left out: 1.",
    )


def test_text_boxes_and_tables_are_read():
    box = "<draw:frame><draw:text-box><text:p>boxed</text:p></draw:text-box></draw:frame>"
    found = read(
        "text", f"<text:p>beside{box}</text:p>" + table(row("part", "price"), row("seal", "3"))
    )

    assert [text for _, _, text in blocks(found)] == ["beside", "boxed", "part: seal | price: 3"]


def test_headers_and_footers_stand_once():
    styles = "<x NAMESPACES xmlns:style='s'><style:header><text:p>ACME</text:p></style:header>"
    styles += "<style:footer><text:p>ACME</text:p></style:footer></x>"

    found = read("text", "<text:p>body</text:p>", {"styles.xml": styles})

    assert [text for _, _, text in blocks(found)] == ["ACME", "body"]


def test_the_mark_of_a_note_never_grows_into_the_figure_before_it():
    note = "<text:note><text:note-citation>1</text:note-citation><text:note-body>"
    note += "<text:p>net</text:p></text:note-body></text:note>"
    body = f"<text:p>50{note} EUR</text:p><text:p>7 %<text:span>{note}</text:span> due</text:p>"
    assert read("text", body).pages[0].text.startswith("50 [1] EUR\n\n7 %[1] due")


def test_slides_are_pages_with_titles_and_notes():
    slide = (
        '<draw:page><draw:frame presentation:class="outline"><draw:text-box><text:p>body</text:p>'
        '</draw:text-box></draw:frame><draw:frame presentation:class="title"><draw:text-box>'
        "<text:p>Title</text:p></draw:text-box></draw:frame><presentation:notes><draw:frame>"
        "<draw:text-box><text:p>say</text:p></draw:text-box></draw:frame></presentation:notes>"
        "</draw:page>"
    )

    found = read("presentation", slide + slide)

    assert [page.text for page in found.pages] == ["Title\n\nbody\n\nNotes: say"] * 2


def test_sheets_are_pages_and_dates_are_iso():
    date = '<table:table-cell office:value-type="date" office:date-value="2024-01-31"><text:p>31/1'
    date += "</text:p></table:table-cell>"
    dated = f"<table:table-row><table:table-cell><text:p>day</text:p></table:table-cell>{date}"
    found = read("spreadsheet", table(dated + "</table:table-row>") + table(name="Void"))

    assert [page.text for page in found.pages] == ["Sheet\n\nday | 2024-01-31", ""]
    assert found.warnings == ("Sheets without text: 'Void'.",)


def test_merged_cells_are_repeated():
    head = row("part", "price")
    first = '<table:table-row><table:table-cell table:number-rows-spanned="2"><text:p>seal</text:p>'
    first += "</table:table-cell><table:table-cell><text:p>3</text:p></table:table-cell>"
    second = "<table:table-row><table:covered-table-cell/><table:table-cell><text:p>4</text:p>"

    found = read(
        "spreadsheet",
        table(head, first, "</table:table-row>", second, "</table:table-cell></table:table-row>"),
    )

    assert found.pages[0].text.split("\n")[2:] == ["part: seal | price: 3", "part: seal | price: 4"]


def test_tables_of_a_sheet_below_and_beside_each_other_have_their_own_names():
    beside = [row("part", "price", "", "city", "people"), row("seal", "3", "", "Bern", "9")]
    below = [row("Land"), row("depot", "code"), row("Graz", "7")]

    text = read("spreadsheet", table(*beside, row(""), *below)).pages[0].text

    assert [line for line in text.split("\n") if line][1:] == [
        "part: seal | price: 3",
        "city: Bern | people: 9",
        "Land",
        "depot: Graz | code: 7",
    ]


def test_repeats_of_blank_and_of_filled_rows_are_bounded():
    blank = '<table:table-row table:number-rows-repeated="999999999"><table:table-cell '
    blank += 'table:number-columns-repeated="999999999"/></table:table-row>'
    filled = row("x").replace(
        "<table:table-row>", '<table:table-row table:number-rows-repeated="3">'
    )

    text = read("spreadsheet", table(blank, filled, blank)).pages[0].text

    assert text.count("x") == 3


def test_a_password_is_asked_for():
    manifest = "<manifest:manifest NAMESPACES><manifest:file-entry><manifest:encryption-data/>"
    manifest += "</manifest:file-entry></manifest:manifest>"

    with pytest.raises(UnreadableFile) as refused:
        read("text", "", {"META-INF/manifest.xml": manifest})
    assert refused.value.code == "password_required"


def test_a_zip_of_something_else_says_so():
    with pytest.raises(UnreadableFile) as refused:
        read_odf(BytesIO(zipped({"content.xml": "<a/>"})), ReadOptions())
    assert refused.value.code == "damaged_file"


def test_notes_of_cells_are_in_the_text():
    note = "<office:annotation><text:p>net of tax</text:p></office:annotation>"
    cell = f"<table:table-cell>{note}<text:p>4</text:p></table:table-cell>"

    found = read("spreadsheet", table(f"<table:table-row>{cell}</table:table-row>"))

    assert found.pages[0].text == "Sheet\n\n4 [Note: net of tax]"


def test_pictures_and_comments_of_a_text_are_counted():
    note = "<office:annotation><text:p>really?</text:p></office:annotation>"
    picture = "<draw:frame><draw:image/></draw:frame>"

    found = read("text", f"<text:p>one{note}{picture}</text:p>")

    assert found.pages[0].text == "one"
    assert found.warnings == ("Comments left out: 1.", "Pictures not read: 1.")


def test_struck_out_text_is_left_out_and_counted():
    style = (
        '<style:style xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" '
        'style:name="T9"><style:text-properties style:text-line-through-style="solid"/>'
        "</style:style>"
    )
    styles = f"<office:document-styles NAMESPACES>{style}</office:document-styles>"
    struck = '<text:span text:style-name="T9">400 </text:span>'

    found = read("text", f"<text:p>{struck}320 EUR</text:p>", {"styles.xml": styles})

    assert found.pages[0].text == "320 EUR"
    assert found.warnings == ("Characters of struck-out text left out: 4.",)


def test_hidden_rows_of_a_sheet_are_read_and_named_in_the_receipt():
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    row = '<table:table-row table:visibility="{}">{}</table:table-row>'
    rows = (
        row.format("visible", cell.format("Name") + cell.format("Site")),
        row.format("filter", cell.format("Ada") + cell.format("Lyon")),
        row.format("collapse", "<table:table-cell/>"),
    )
    table = f'<table:table table:name="S">{"".join(rows)}</table:table>'
    found = read_odf(BytesIO(odf("spreadsheet", table)), ReadOptions())

    assert found.pages[0].text == "S\n\nName: Ada | Site: Lyon"
    assert found.warnings == ("Hidden rows were read, too: 1.",)
