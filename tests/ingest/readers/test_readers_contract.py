"""What every reader does, whatever its format."""

import os
import unicodedata
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.readers import READERS
from ingest.sandbox.reader_process import ReaderPool
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile
from tests.ingest.readers.fake_ocr import put_on_path
from tests.ingest.readers.samples import SAMPLES

IN_A_CHILD = frozenset(
    {
        "application/vnd.ms-excel",
        "application/vnd.ms-excel.sheet.binary.macroenabled.12",
    }
)
"""Their library reserves room up to the farthest cell, so a flipped byte may ask for more memory
than there is: these are read as the server reads everything, under a limit."""

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


@pytest.fixture(autouse=True, scope="module")
def ocr_engine(tmp_path_factory):
    """Pictures need an engine; a real one would take a second per example."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("ocr")
        patch.setenv("PATH", put_on_path(folder, os.environ["PATH"]))
        yield


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    """Reads what may be damaged."""
    pool = ReaderPool(timeout_s=60, memory_bytes=768 << 20, max_characters=10_000)
    path = tmp_path_factory.mktemp("damaged") / "file"

    def read(media_type: str, data: bytes) -> Extraction:
        if media_type not in IN_A_CHILD:
            return READERS[media_type](BytesIO(data), ReadOptions())
        path.write_bytes(data)
        return pool.read(path, media_type)

    yield read
    pool.close()


@pytest.mark.parametrize("media_type", SAMPLES)
def test_every_reader_finds_the_words_of_its_sample(media_type):
    extraction = READERS[media_type](BytesIO(SAMPLES[media_type][1]), ReadOptions())

    text = "\n".join(page.text for page in extraction.pages)
    assert "pump" in text.lower() or "seal" in text
    assert extraction.parser.split()[-1][0].isdigit(), "the parser names its version"


@pytest.mark.parametrize("media_type", SAMPLES)
@settings(deadline=None)
@given(data=st.binary(max_size=300))
def test_every_reader_refuses_garbage_or_yields_clean_text(read, media_type, data):
    _check(read, media_type, data)


@pytest.mark.parametrize("media_type", SAMPLES)
@settings(deadline=None)
@given(position=st.integers(0, 2000), byte=st.integers(0, 255))
def test_every_reader_survives_a_flipped_byte(read, media_type, position, byte):
    data = bytearray(SAMPLES[media_type][1])
    data[position % len(data)] = byte

    _check(read, media_type, bytes(data))


@pytest.mark.parametrize("media_type", SAMPLES)
@settings(deadline=None)
@given(cut=st.integers(0, 2000))
def test_every_reader_survives_a_cut_file(read, media_type, cut):
    data = SAMPLES[media_type][1]

    _check(read, media_type, data[: cut % len(data)])


@pytest.mark.parametrize("media_type", SAMPLES)
def test_every_reader_refuses_more_text_than_allowed(media_type):
    with pytest.raises(UnreadableFile) as refused:
        READERS[media_type](BytesIO(SAMPLES[media_type][1]), ReadOptions(max_characters=5))
    assert refused.value.code == "too_large"


@pytest.mark.parametrize("media_type", ["text/markdown", "text/html", "text/csv", "text/plain"])
@pytest.mark.parametrize(("data", "reason"), [(b"", "empty_file"), (b" \n \n", "no_text")])
def test_nothing_to_read_has_its_own_reasons(media_type, data, reason):
    with pytest.raises(UnreadableFile) as refused:
        READERS[media_type](BytesIO(data), ReadOptions())
    assert refused.value.code == reason


@pytest.mark.parametrize("media_type", ["text/markdown", "text/html", "text/csv", "text/plain"])
def test_page_text_is_composed_and_has_plain_line_ends(media_type):
    source = "<p>cafe\u0301</p>\r\nb,c\rd\x00e\n".encode()

    extraction = READERS[media_type](BytesIO(source), ReadOptions(encoding="utf-8"))

    text = extraction.pages[0].text
    assert "café" in text
    assert not {"\r", "\x00"} & set(text)


def _check(read: Callable[[str, bytes], Extraction], media_type: str, data: bytes) -> None:
    try:
        extraction = read(media_type, data)
    except UnreadableFile:
        return
    lengths = {page.number: len(page.text) for page in extraction.pages}
    assert any(page.text.strip() for page in extraction.pages)
    for page in extraction.pages:
        assert unicodedata.is_normalized("NFC", page.text)
        assert "\x00" not in page.text
        page.text.encode()
    before = (0, 0)
    for block in extraction.blocks:
        assert before <= (block.page, block.start) < (block.page, block.end)
        assert block.end <= lengths[block.page]
        before = (block.page, block.end)
