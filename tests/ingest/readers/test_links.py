"""Where links of RTF and PDF lead: behind words that do not say it, or counted."""

from io import BytesIO
from typing import Any

from ingest.readers.office.rtf import read_rtf
from ingest.readers.pdf.pdf import read_pdf
from ingest.types import Extraction, ReadOptions
from tests.ingest.readers.pdf_samples import Sheet, drawn

LEFT_OUT = "Link targets left out: 1."


def _rtf(text: str) -> Extraction:
    return read_rtf(BytesIO(rf"{{\rtf1\ansi {text}\par}}".encode()), ReadOptions())


def _field(target: str, words: str) -> str:
    return rf"{{\field{{\*\fldinst HYPERLINK {target}}}{{\fldrslt {{\ul {words}}}}}}}"


def test_links_in_fields_of_rtf_say_where_they_lead():
    form, mail = _field('"https://e.org/form.pdf"', "the form"), _field('"mailto:hr@e.org"', "us")
    said, page = _field('"https://e.org/a.pdf"', "e.org/a.pdf"), _field('"https://e.org/b"', "more")
    place = _field(r'\\l "top"', "top")
    found = _rtf(f"Send {form} to {mail}, see {said}, {page} and {place}.")

    assert found.pages[0].text == (
        "Send the form (https://e.org/form.pdf) to us (hr@e.org), see e.org/a.pdf, more and top."
    )
    assert found.warnings == (LEFT_OUT,)


def test_a_link_in_a_note_of_rtf_stands_in_the_note():
    found = _rtf(r"Pay{\footnote See " + _field('"mailto:pay@e.org"', "us") + "} now.")

    assert found.pages[0].text == "Pay[1] now.\n\n[1] See us (pay@e.org)"


def _link(address: str) -> dict[str, Any]:
    return {"A": {"S": "/URI", "URI": address}}


def test_links_of_a_pdf_say_where_they_lead():
    sheet = Sheet().text(72, 700, "Send the form to the office, or see more about it.")
    sheet.text(72, 680, "Ask hr@e.org for")
    sheet.text(72, 664, "the plan of this year.")
    sheet.annotate("/Link", (72, 696, 142, 712), **_link("https://e.org/form.pdf"))
    sheet.annotate("/Link", (158, 696, 192, 712), **_link("mailto:office@e.org"))
    sheet.annotate("/Link", (254, 696, 285, 712), **_link("https://e.org/more"))
    sheet.annotate("/Link", (90, 677, 140, 690), **_link("mailto:hr@e.org"))
    found = read_pdf(BytesIO(drawn([sheet])), ReadOptions())

    assert " ".join(found.pages[0].text.split()) == (
        "Send the form (https://e.org/form.pdf) to the office (office@e.org), or see more about it."
        " Ask hr@e.org for the plan of this year."
    )
    assert found.warnings == (LEFT_OUT,)


def test_a_link_over_two_lines_of_a_pdf_is_told_once():
    sheet = (
        Sheet()
        .text(72, 700, "All of it stands in the long")
        .text(72, 686, "handbook of the house.")
    )
    for box in ((150, 696, 300, 712), (72, 682, 180, 696)):
        sheet.annotate("/Link", box, **_link("https://e.org/book.pdf"))
    found = read_pdf(BytesIO(drawn([sheet])), ReadOptions())

    assert found.pages[0].text.count("https://e.org/book.pdf") == 1
    assert found.warnings == ()


def test_a_link_on_a_page_without_words_is_counted():
    sheet = Sheet().annotate("/Link", (72, 700, 200, 720), **_link("https://e.org/a.pdf"))
    found = read_pdf(
        BytesIO(drawn([sheet, Sheet().text(72, 700, "A page of words.")])), ReadOptions()
    )

    assert found.warnings == (LEFT_OUT,)
