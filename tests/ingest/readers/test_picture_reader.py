"""Pictures of text: read by an engine where there is one, refused with a reason where not."""

import os
from io import BytesIO

import pytest
from PIL import Image

from ingest.readers.pdf.picture import read_picture
from ingest.sandbox.reader_process import ReaderPool
from ingest.types import ReadOptions
from kb.errors import UnreadableFile
from tests.ingest.readers.fake_ocr import WORDS, put_on_path
from tests.ingest.readers.message_samples import picture

MIB = 1024 * 1024


@pytest.fixture
def no_engine(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))


def _read(data, **options):
    return read_picture(BytesIO(data), ReadOptions(**options))


@pytest.mark.usefixtures("engine")
def test_an_installed_engine_reads_pictures_and_missing_languages_are_named():
    extraction = _read(picture("PNG"), ocr_languages="eng+chi_sim")

    assert [page.text for page in extraction.pages] == [WORDS]
    assert extraction.parser == "tesseract 9.8.7"
    assert extraction.warnings == ("OCR languages that are not installed: chi_sim.",)


@pytest.mark.usefixtures("engine")
def test_every_frame_of_a_tiff_is_a_page():
    out = BytesIO()
    frame = Image.new("RGBA", (40, 20))
    frame.save(out, "TIFF", save_all=True, append_images=[frame, frame])

    assert [page.number for page in _read(out.getvalue()).pages] == [1, 2, 3]


def test_blanks_between_chinese_characters_are_the_engine_s_not_the_text_s(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", put_on_path(tmp_path, os.environ["PATH"], says="水 泵 ABC 型 号 。"))

    assert _read(picture("PNG")).pages[0].text == "水泵 ABC 型号。"


@pytest.mark.usefixtures("no_engine")
def test_without_an_engine_a_picture_says_what_to_install():
    with pytest.raises(UnreadableFile, match="tesseract-ocr") as refused:
        _read(picture("PNG"))
    assert refused.value.code == "no_text"


@pytest.mark.usefixtures("engine")
def test_without_any_of_the_languages_there_is_no_engine():
    with pytest.raises(UnreadableFile) as refused:
        _read(picture("PNG"), ocr_languages="deu")
    assert refused.value.code == "no_text"


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.usefixtures("engine")
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked():
    out = BytesIO()
    Image.new("1", (10_000, 10_000)).save(out, "PNG")

    with pytest.raises(UnreadableFile) as refused:
        _read(out.getvalue())
    assert refused.value.code == "too_large"


@pytest.mark.usefixtures("engine")
def test_no_picture_is_begun_when_the_time_is_up():
    with pytest.raises(UnreadableFile) as refused:
        _read(picture("PNG"), ocr_seconds=0)
    assert refused.value.code == "read_timeout"


def _read_in_a_child(path):
    pool = ReaderPool(
        timeout_s=20, memory_bytes=512 * MIB, max_characters=1000, ocr_languages="eng"
    )
    try:
        return pool.read(path, "image/png").pages[0].text
    finally:
        pool.close()


@pytest.mark.usefixtures("engine")
def test_the_engine_works_under_the_limits_of_a_reader_process(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(picture("PNG"))

    assert _read_in_a_child(path) == WORDS


@pytest.mark.needs("tesseract")
def test_the_real_engine_reads_drawn_words_here_and_in_a_reader_process(tmp_path):
    path = tmp_path / "big.png"
    Image.open(BytesIO(picture("PNG"))).resize((1200, 240)).save(path)

    assert "pump moves water" in _read(path.read_bytes(), ocr_languages="eng").pages[0].text
    assert "pump moves water" in _read_in_a_child(path)
