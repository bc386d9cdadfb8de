"""PDF: what a reader of the open page sees is in the text, in the order of reading."""

from io import BytesIO

import pytest
from pypdf.generic import NameObject

from ingest.readers.pdf.pdf import read_pdf
from ingest.types import ReadOptions
from tests.ingest.readers.pdf_samples import FREE_TEXT, NOTE, Sheet, drawn

PROSE = (
    ("Guests sign the book at", "Lorries unload at the rear"),
    ("the gate before they may", "gate between seven and"),
    ("walk to the main hall and", "nine on every weekday if"),
    ("wait there for their host.", "the ramp is free of snow."),
)


def _read(*sheets, **more):
    return read_pdf(BytesIO(drawn(sheets, **more)), ReadOptions())


def _lines(extraction, page=1):
    return extraction.pages[page - 1].text.split("\n")


def _headings(extraction):
    texts = {page.number: page.text for page in extraction.pages}
    return [
        (block.level, texts[block.page][block.start : block.end])
        for block in extraction.blocks
        if block.kind == "heading"
    ]


def _rows(sheet, rows, xs, top, step=18.0):
    for number, row in enumerate(rows):
        for x, text in zip(xs, row, strict=True):
            if text:
                sheet.text(x + 4, top - 13 - number * step, text)
    return sheet


def test_a_row_between_drawn_lines_carries_the_names_of_its_columns():
    rows = [("Depot", "Item", "Crates"), ("Porto", "Ropes", "41"), ("Porto", "Hooks", "7")]
    sheet = _rows(Sheet(), rows, (72, 172, 272), 700)
    sheet.grid((72, 172, 272, 372), (700, 682, 664, 646))

    assert _lines(_read(sheet)) == [
        "Depot: Porto | Item: Ropes | Crates: 41",
        "Depot: Porto | Item: Hooks | Crates: 7",
    ]


def test_a_cell_that_is_merged_over_rows_stands_in_each_of_them():
    sheet = _rows(
        Sheet(),
        [("Depot", "Item", "Crates"), ("Porto", "Ropes", "41"), ("", "Hooks", "7")],
        (72, 172, 272),
        700,
    )
    for x in (72, 172, 272, 372):
        sheet.rule(x, 646, x, 700)
    for y in (700, 682, 646):
        sheet.rule(72, y, 372, y)
    sheet.rule(172, 664, 372, 664)

    assert _lines(_read(sheet))[-1] == "Depot: Porto | Item: Hooks | Crates: 7"


def test_a_table_without_drawn_lines_is_told_by_what_stands_below_each_other():
    rows = [("Zone", "Limit", "Fee"), ("North", "20 kg", "14.00"), ("South", "", "9.50")]
    sheet = _rows(Sheet(), rows, (72, 172, 272), 700)
    sheet.text(72, 600, "Fees are due on the first day of the month.")

    assert _lines(_read(sheet)) == [
        "Zone: North | Limit: 20 kg | Fee: 14.00",
        "Zone: South | Fee: 9.50",
        "",
        "Fees are due on the first day of the month.",
    ]


FORM = [
    ("Tenant", "Red Mill Ltd", "Floor", "3"),
    ("Lease #", "L-77", "Area", "412 m2"),
    ("Mail", "desk@redmill.example", "Keys", "9"),
]


@pytest.mark.parametrize("is_drawn", [True, False])
def test_a_form_of_bold_labels_is_read_as_labels_with_values_and_takes_no_names(is_drawn):
    sheet, xs = Sheet(), (72, 142, 292, 352)
    for number, row in enumerate([("Tenancy", "", "Premises", ""), *FORM]):
        for place, (x, text) in enumerate(zip(xs, row, strict=True)):
            sheet.text(x + 4, 687 - 18 * number, text, bold=place % 2 == 0 or not number)
    if is_drawn:
        sheet.grid((*xs, 432), (682, 664, 646, 628))

    assert _lines(_read(sheet))[-3:] == [
        "Tenant: Red Mill Ltd | Floor: 3",
        "Lease #: L-77 | Area: 412 m2",
        "Mail: desk@redmill.example | Keys: 9",
    ]


def test_a_bold_first_column_below_bold_names_makes_no_form():
    sheet, xs = Sheet(), (72, 172, 272)
    rows = [("Depot", "Item", "Crates"), ("Porto", "Ropes", "41"), ("Turin", "Hooks", "7")]
    for number, row in enumerate(rows):
        for place, (x, text) in enumerate(zip(xs, row, strict=True)):
            sheet.text(x + 4, 687 - 18 * number, text, bold=not place or not number)

    assert _lines(_read(sheet))[-1] == "Depot: Turin | Item: Hooks | Crates: 7"


def test_a_larger_line_between_two_tables_is_the_heading_of_the_second():
    sheet = _rows(Sheet(), [("Depot", "Crates"), ("Porto", "41"), ("Turin", "5")], (72, 172), 700)
    sheet.text(76, 628, "Lorries", 13, bold=True)
    _rows(sheet, [("Plate", "Driver", "Tons"), ("KA 7", "Ada", "3")], (72, 172, 272), 622)

    assert _lines(_read(sheet)) == [
        "Depot: Porto | Crates: 41",
        "Depot: Turin | Crates: 5",
        "",
        "Lorries",
        "",
        "Plate: KA 7 | Driver: Ada | Tons: 3",
    ]


def test_one_blank_line_in_a_table_does_not_join_the_rows_around_it():
    rows = [("Depot", "Item", "Crates"), ("Porto", "Ropes", "41"), ("Turin", "", "7")]
    rows += [("Graz", "Hooks", "2"), ("Sums", "", "50"), ("", "", ""), ("Note", "by hand", "")]

    lines = _lines(_read(_rows(Sheet(), rows, (72, 172, 272), 700)))

    assert "Depot: Turin | Crates: 7" in lines
    assert "Depot: Sums | Crates: 50" in lines


def test_a_cell_of_several_lines_is_one_cell():
    sheet = _rows(Sheet(), [("Code", "Meaning", "Level")], (72, 172, 372), 700)
    _rows(sheet, [("F1", "The lid is open or the", "2")], (72, 172, 372), 676)
    sheet.text(176, 651, "sensor below it is dirty")
    _rows(sheet, [("F2", "No water", "1")], (72, 172, 372), 640)

    assert _lines(_read(sheet))[0] == (
        "Code: F1 | Meaning: The lid is open or the sensor below it is dirty | Level: 2"
    )


def test_a_table_that_goes_on_overleaf_keeps_the_names_of_its_columns():
    xs, ys = (72, 172, 272), (700, 682, 664)
    first = _rows(Sheet(), [("Depot", "Item"), ("Porto", "Ropes")], xs[:2], 700).grid(xs, ys)
    again = _rows(Sheet(), [("Braga", "Hooks"), ("Braga", "Nets")], xs[:2], 700).grid(xs, ys)

    assert _lines(_read(first, again), 2) == [
        "Depot: Braga | Item: Hooks",
        "Depot: Braga | Item: Nets",
    ]


@pytest.mark.parametrize("by_line", [True, False])
def test_columns_are_read_one_after_the_other(by_line):
    places = [(x, 700 - 14 * n, PROSE[n][c]) for n in range(4) for c, x in enumerate((72, 320))]
    sheet = Sheet()
    for x, y, text in places if by_line else sorted(places, key=lambda place: place[0]):
        sheet.text(x, y, text)

    assert [line for line in _lines(_read(sheet)) if line] == [
        *(left for left, _ in PROSE),
        *(right for _, right in PROSE),
    ]


def test_larger_and_bold_lines_and_those_that_the_outline_names_are_headings():
    sheet = Sheet().text(72, 720, "House rules", 20).text(72, 690, "Keys", 14)
    sheet.text(72, 670, "Every tenant gets two keys and signs for both of them.")
    sheet.text(72, 640, "Lost keys", bold=True)
    sheet.text(72, 620, "A lost key costs forty euros and is replaced in a week.")
    sheet.text(72, 590, "Bicycles")
    sheet.text(72, 570, "Bicycles stand in the yard and never in the stairwell.")

    assert _headings(_read(sheet)) == [(1, "House rules"), (2, "Keys"), (3, "Lost keys")]
    assert "Bicycles" in [text for _, text in _headings(_read(sheet, outline=[("Bicycles", 0)]))]


def test_a_line_on_every_page_is_no_heading():
    sheets = [
        Sheet()
        .text(72, 760, "Yard and Sons", 16)
        .text(72, 700, "The yard opens at nine and closes at five on weekdays.")
        for _ in range(3)
    ]

    assert _headings(_read(*sheets)) == []


def test_chapters_that_begin_a_page_each_are_headings():
    sheets = [
        Sheet()
        .text(72, 740, f"Chapter {number}", 18)
        .text(72, 700, f"This is the text of the {number}th part of the manual, in full.")
        for number in (1, 2, 3)
    ]

    assert _headings(_read(*sheets)) == [(1, "Chapter 1"), (1, "Chapter 2"), (1, "Chapter 3")]


def test_a_title_and_the_heading_below_it_are_two_even_in_one_style():
    sheet = Sheet().text(200, 740, "Pond report", 18, bold=True)
    sheet.text(72, 712, "Volumes", 18, bold=True).text(72, 690, "The pond was measured in May.")

    assert [text for _, text in _headings(_read(sheet))] == ["Pond report", "Volumes"]


def test_a_power_stays_a_power_and_the_mark_of_a_note_does_not_grow_into_a_figure():
    sheet = Sheet().line(
        72, 700, ("The pond holds 4 x 10", 12, 0), ("5", 8, 5), (" litres.", 12, 0)
    )
    sheet.line(72, 680, ("The fee is 30", 12, 0), ("2", 8, 5), (" EUR.", 12, 0))

    assert _lines(_read(sheet)) == ["The pond holds 4 x 10^5 litres.", "The fee is 30 [2] EUR."]


def test_form_fields_stand_behind_their_labels():
    on, off = NameObject("/Yes"), NameObject("/Off")
    widget, text, button = "/Widget", NameObject("/Tx"), NameObject("/Btn")
    sheet = Sheet().text(72, 700, "Room number").text(72, 670, "Pets").text(100, 640, "Smoker")
    sheet.annotate(widget, (180, 694, 300, 712), FT=text, T="room", V="B 214")
    sheet.annotate(widget, (180, 666, 196, 682), FT=button, T="pets", V=on, AS=on)
    sheet.annotate(widget, (80, 636, 96, 652), FT=button, T="smoker", V=off, AS=off)
    sheet.annotate(widget, (180, 606, 300, 622), FT=text, T="x", TU="Remark", V="quiet side")
    sheet.annotate(widget, (180, 576, 300, 592), FT=text, T="pin", V="1234", Ff=1 << 13)

    lines = [line for line in _lines(_read(sheet)) if line]
    assert lines == ["Room number: B 214", "Pets: yes", "☐ Smoker", "Remark: quiet side"]


def test_free_text_and_notes_are_in_the_text():
    sheet = Sheet().text(72, 700, "The crane was inspected.")
    sheet.annotate(FREE_TEXT, (72, 600, 300, 630), Contents="Valid until 3 June 2028")
    sheet.annotate(NOTE, (300, 700, 320, 720), Contents="Oil the hook.")

    assert _lines(_read(sheet))[-3:] == ["Valid until 3 June 2028", "", "Note: Oil the hook."]


def test_attached_files_are_read_as_those_of_a_mail():
    extraction = _read(
        Sheet().text(72, 700, "See the annex."),
        files=[("annex.md", b"# Fines\n\nThe fine is 3 percent."), ("logo.bin", b"\0\1\2")],
    )

    assert extraction.pages[1].text.startswith("annex.md")
    assert _headings(extraction) == [(1, "annex.md"), (2, "# Fines")]
    assert "Attachment 'logo.bin'" in extraction.warnings[0]


def test_turned_text_and_turned_pages_are_read():
    sheet = Sheet().text(72, 700, "Upright words stand here.")
    sheet.parts.append("BT /F1 11 Tf 0 1 -1 0 500 300 Tm (Margin note) Tj ET")

    assert "Margin note" in _lines(_read(sheet))


def test_pictures_are_counted():
    sheet = Sheet().text(72, 700, "A picture follows.")
    sheet.parts.append("q 50 0 0 50 72 500 cm BI /W 1 /H 1 /BPC 8 /CS /G ID \xff EI Q")

    assert "Pictures not read: 1." in _read(sheet).warnings
