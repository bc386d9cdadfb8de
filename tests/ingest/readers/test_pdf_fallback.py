"""PDF pages that pypdf gets nothing good from."""

from io import BytesIO

import pytest
from PIL import Image

from ingest.readers.pdf.pdf import read_pdf
from ingest.readers.pdf.pdf_fallback import garble, is_garbled
from ingest.types import ReadOptions
from kb.errors import UnreadableFile
from tests.ingest.readers.fake_ocr import WORDS
from tests.ingest.readers.samples import pdf


def _scanned(pages=1):
    out = BytesIO()
    page = Image.new("L", (300, 200), 255)
    page.save(out, "PDF", save_all=True, append_images=[page] * (pages - 1))
    return out.getvalue()


def _read(data, **options):
    return read_pdf(BytesIO(data), ReadOptions(**options))


@pytest.mark.usefixtures("engine")
def test_scanned_pages_are_read_by_the_engine_and_the_receipt_says_so():
    extraction = _read(_scanned(2))

    assert [page.text for page in extraction.pages] == [WORDS, WORDS]
    assert extraction.warnings[0] == "Pages 1, 2 were read by OCR: characters may be wrong."
    assert extraction.parser.endswith("tesseract 9.8.7")
    assert extraction.empty_pages == ()


@pytest.mark.usefixtures("engine")
def test_pages_that_hold_text_or_nothing_are_not_drawn():
    extraction = _read(pdf([["A whole sentence about a pump."], []]))

    assert extraction.empty_pages == (2,)
    assert "tesseract" not in extraction.parser


def test_without_an_engine_a_scan_fails_and_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(UnreadableFile, match="tesseract-ocr") as refused:
        _read(_scanned())
    assert refused.value.code == "no_text"


@pytest.mark.usefixtures("engine")
def test_pages_that_the_engine_has_no_time_for_are_reported():
    with pytest.raises(UnreadableFile, match="READ_TIMEOUT") as refused:
        _read(_scanned(), ocr_seconds=0)
    assert refused.value.code == "read_timeout"


def test_a_file_that_only_pdfium_opens_is_read():
    data = pdf([["A pump moves water through a pipe."]])
    broken = data.replace(b"/Type /Pages /Count 1", b"/Type /Pages /Count x")

    assert "A pump moves water" in _read(broken).pages[0].text


@pytest.mark.parametrize(
    ("text", "garbled"),
    [
        ("A pump moves water. " * 10, False),
        ("话说天下大势，分久必合。" * 10, False),
        ("Größe: 12 µm ± 3 %, naïve café", False),
        ("/g3/g12/g40/g3 /g55", True),
        ("(cid:12)(cid:3)(cid:44)", True),
        ("\ue001\ue022\ue003 \ue004", True),
        ("ݱ\u0378\u0378၊\u038dఆ͞Εͨ" * 5, True),
    ],
)
def test_text_that_is_none_is_told_from_text(text, garbled):
    assert is_garbled(text) is garbled


def test_words_run_together_or_torn_apart_are_suspect():
    good = "Several ordinary words stand in this sentence about pumps. " * 5

    assert garble(good) < 0.02
    assert garble((good.replace(" ", "") + " ") * 40) > 0.9
    assert garble(" ".join(good.replace(" ", ""))) > 0.3


def test_characters_that_a_font_does_not_name_make_a_page_garbled_not_just_shorter():
    extraction = _read(pdf([["\x01\x02\x03\x04\x05\x06 pump " * 3]]), ocr_languages="none")

    assert extraction.warnings[0].startswith("Page 1 look garbled")
