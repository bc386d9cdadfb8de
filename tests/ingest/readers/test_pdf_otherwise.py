"""PDFs of which a viewer shows more, less or other things than stand on their pages."""

from io import BytesIO

from pypdf import PdfWriter
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    NameObject,
    RectangleObject,
    TextStringObject,
)

from ingest.readers.pdf.pdf import read_pdf
from ingest.types import Extraction, ReadOptions
from tests.ingest.readers.pdf_samples import Sheet, drawn

WORDS = "A pump moves water through the house."


def _read(data: bytes) -> Extraction:
    return read_pdf(BytesIO(data), ReadOptions())


def _with_root(entry: str, value: DictionaryObject) -> bytes:
    writer = PdfWriter(clone_from=BytesIO(drawn([Sheet().text(72, 700, WORDS)])))
    writer.root_object[NameObject(entry)] = value
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def test_a_form_that_only_some_viewers_draw_is_named():
    form = DictionaryObject(
        {NameObject("/XFA"): ArrayObject(), NameObject("/Fields"): ArrayObject()}
    )

    assert _read(_with_root("/AcroForm", form)).warnings == (
        "The form (XFA) was not read: print it into a new PDF and upload that.",
    )


def test_layers_that_are_not_shown_are_named():
    layer = DictionaryObject({NameObject("/Name"): TextStringObject("Old prices")})
    shown = DictionaryObject({NameObject("/OFF"): ArrayObject([layer])})
    found = _read(_with_root("/OCProperties", DictionaryObject({NameObject("/D"): shown})))

    assert found.warnings == ("Layers that are not shown were read, too: Old prices.",)


def test_who_signed_and_stamps_are_told():
    sheet = Sheet().text(72, 700, WORDS).text(72, 600, "Signed by:")
    signed = {"FT": NameObject("/Sig"), "V": {"Name": "Ann Berg"}}
    sheet.annotate("/Widget", (140, 590, 300, 620), **signed)
    sheet.annotate("/Widget", (0, 0, 0, 0), **signed)
    sheet.annotate("/Stamp", (72, 500, 200, 520), Name=NameObject("/Approved"))

    assert _read(drawn([sheet])).pages[0].text.split("\n") == [
        WORDS,
        "Signed by: Ann Berg",
        "",
        "Stamp: Approved",
    ]


def test_what_stands_outside_of_the_part_that_is_shown_is_left_out_and_counted():
    sheet = Sheet().text(72, 700, WORDS).text(72, 100, "Secret.").text(-400, 600, "Far.")
    writer = PdfWriter(clone_from=BytesIO(drawn([sheet])))
    writer.pages[0].cropbox = RectangleObject((50, 300, 500, 792))
    out = BytesIO()
    writer.write(out)
    found = _read(out.getvalue())

    assert found.pages[0].text == WORDS
    assert found.warnings == ("Characters of hidden text left out: 11.",)
