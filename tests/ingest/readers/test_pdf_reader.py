"""PDF: pages as in the file, and a reason for everything that is missing."""

from io import BytesIO

import pytest

from ingest.readers.pdf.pdf import read_pdf
from ingest.types import ReadOptions
from kb.errors import UnreadableFile
from tests.ingest.readers.samples import pdf


def _read(data):
    return read_pdf(BytesIO(data), ReadOptions())


def _reason(data):
    with pytest.raises(UnreadableFile) as refused:
        _read(data)
    return refused.value.code


def test_pages_are_numbered_as_in_the_file_and_empty_ones_are_listed():
    extraction = _read(pdf([["Alpha (one)."], [], ["Gamma\\three."]]))

    assert [(page.number, page.text.strip()) for page in extraction.pages] == [
        (1, "Alpha (one)."),
        (2, ""),
        (3, "Gamma\\three."),
    ]
    assert extraction.empty_pages == (2,)
    assert extraction.encoding is None


def test_numbered_headings_after_a_sentence_are_found():
    extraction = _read(pdf([["It ends.", "1.2 Pump parts", "A seal and", "2.3 Valves are parts"]]))

    page = extraction.pages[0].text
    assert [(b.level, page[b.start : b.end]) for b in extraction.blocks if b.kind == "heading"] == [
        (3, "1.2 Pump parts")
    ]


def test_a_pdf_without_any_text_is_no_success():
    assert _reason(pdf([[], []])) == "no_text"


def test_a_password_is_asked_for():
    assert _reason(pdf([["secret"]], encrypted=True)) == "password_required"


@pytest.mark.parametrize("data", [b"%PDF-1.7\nnothing else", b"%PDF-1.4\n%%EOF", pdf([])])
def test_a_damaged_pdf_says_so(data):
    assert _reason(data) == "damaged_file"


def test_one_bad_page_is_a_warning():
    data = pdf([["Alpha."], ["Beta."]])
    broken = data.replace(b"(Beta.) Tj", b"(Beta. ) Tj << [", 1)

    extraction = _read(broken)

    assert extraction.pages[0].text.strip() == "Alpha."
    assert len(extraction.pages) == 2
