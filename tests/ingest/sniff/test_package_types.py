"""Office documents are known by what their first bytes hold, and old ones say what to do."""

from __future__ import annotations

import pytest

from ingest.sniff.media_types import HEAD_BYTES, sniff
from ingest.sniff.package_types import DOCX, PPTX, XLSX
from kb.errors import UnreadableFile, UnsupportedMedia
from tests.ingest.readers.office_samples import OFFICE_SAMPLES, zipped

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize("media_type", OFFICE_SAMPLES)
@pytest.mark.parametrize("name", ["liar.txt", "none", "liar.docx", "liar.xlsx"])
def test_the_content_decides_whatever_the_name_says(media_type, name):
    _, data = OFFICE_SAMPLES[media_type]

    assert sniff(data[:HEAD_BYTES], name) == media_type


@pytest.mark.parametrize(("folder", "media_type"), [("word/", DOCX), ("ppt/", PPTX), ("xl/", XLSX)])
def test_folders_tell_where_the_list_of_types_comes_last(folder, media_type):
    assert sniff(zipped({"docProps/app.xml": "x", f"{folder}a.xml": "y"}), "a") == media_type


@pytest.mark.parametrize(
    ("name", "media_type"), [("a.docx", DOCX), ("A.PPTM", PPTX), ("b.xlsm", XLSX)]
)
def test_the_extension_decides_where_the_bytes_do_not(name, media_type):
    assert sniff(zipped({"customXml/item1.xml": "x"}), name) == media_type


@pytest.mark.parametrize(
    ("content_type", "media_type"),
    [
        ("application/vnd.ms-word.document.macroEnabled.main+xml", DOCX),
        ("application/vnd.ms-excel.sheet.macroEnabled.main+xml", XLSX),
        (
            "application/vnd.openxmlformats-officedocument.presentationml.slideshow.main+xml",
            PPTX,
        ),
    ],
)
def test_variants_with_macros_and_shows_are_read_alike(content_type, media_type):
    types = f'<Types><Override ContentType="{content_type}"/></Types>'

    assert sniff(zipped({"[Content_Types].xml": types}), "a") == media_type


@pytest.mark.parametrize(
    ("name", "says"),
    [("a.doc", "Save it as .docx"), ("a.ppt", "Save it as .pptx")],
)
def test_old_office_documents_say_what_to_save_them_as(name, says):
    with pytest.raises(UnsupportedMedia, match=says):
        sniff(_OLE + b"\x00" * 600, name)


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.docx", _OLE + b"\x00" * 600),
        ("a", _OLE + b"\x00" * 600 + "EncryptedPackage".encode("utf-16-le")),
    ],
)
def test_a_document_with_a_password_says_so(name, head):
    with pytest.raises(UnreadableFile) as refused:
        sniff(head, name)
    assert refused.value.code == "password_required"


def test_any_other_zip_is_no_document():
    with pytest.raises(UnsupportedMedia, match="zip archive"):
        sniff(zipped({"a.txt": "x"}), "a.bin")
