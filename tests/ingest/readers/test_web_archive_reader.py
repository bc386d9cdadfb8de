"""Web archives and exports: a page is a page, whatever it is wrapped in and called."""

from io import BytesIO

import pytest

from ingest.readers import READERS
from ingest.sniff.media_types import sniff
from ingest.types import ReadOptions
from tests.ingest.readers.message_samples import WEB_ARCHIVE


def _read(source: str, name: str):
    data = source.encode()
    return READERS[sniff(data, name)](BytesIO(data), ReadOptions())


@pytest.mark.parametrize("name", ["a.mht", "a.mhtml", "export.doc"])
def test_the_page_of_a_web_archive_is_read_as_a_page(name):
    found = _read(WEB_ARCHIVE, name)

    assert found.pages[0].text == "Pumps\n\nA pump moves water at 20°."
    assert [block.kind for block in found.blocks] == ["heading", "paragraph"]


def test_further_pages_are_counted():
    frame = "--b\nContent-Type: text/html\n\n<p>frame</p>\n--b--"

    found = _read(WEB_ARCHIVE.replace("--b--", frame), "a.mht")

    assert found.warnings == ("Embedded files not read: 1.",)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        (
            "a.xls",
            "<table><tr><th>part</th><th>price</th></tr><tr><td>seal</td><td>3</td></tr></table>",
        ),
        ("a.xls", "part\tprice\nseal\t3\n"),
        ("a.doc", "<meta charset=utf-8><table><tr><td>part<td>price<tr><td>seal<td>3</table>"),
    ],
)
def test_pages_and_tables_under_the_ending_of_office_documents_are_what_they_are(name, source):
    assert _read(source, name).pages[0].text == "part: seal | price: 3"
