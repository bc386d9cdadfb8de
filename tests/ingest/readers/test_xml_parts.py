"""XML out of uploaded files: what is refused before it is parsed, and reading long parts."""

from __future__ import annotations

from io import BytesIO

import pytest

from ingest.readers.office import xml_parts
from ingest.readers.office.xml_parts import iterate_xml, local_name, parse_xml
from kb.errors import UnreadableFile

BOMB = b'<!DOCTYPE a [<!ENTITY b "xxxxxxxxxx"><!ENTITY c "&b;&b;">]><a>&c;</a>'


def reason(data: bytes) -> str:
    with pytest.raises(UnreadableFile) as whole:
        parse_xml(data, "part.xml")
    with pytest.raises(UnreadableFile) as streamed:
        list(iterate_xml(BytesIO(data), ("a",), "part.xml"))
    assert whole.value.code == streamed.value.code
    return whole.value.code


@pytest.mark.parametrize(
    "data",
    [
        BOMB,
        b"\xef\xbb\xbf" + BOMB,
        b'<?xml version="1.0"?>  <?pi x?><!-- c -->' + BOMB,
        BOMB.decode().encode("utf-16"),
        b'<?xml version="1.0" encoding="utf-7"?><a/>',
        b'<?xml version="1.0" encoding="cp037"?><a/>',
    ],
)
def test_document_types_and_odd_encodings_are_refused(data):
    assert reason(data) == "xml_refused"


@pytest.mark.parametrize("data", [b"", b"text", b"<a>", b"<a>&undefined;</a>", b"<!---->" * 999])
def test_what_is_no_xml_is_damaged(data):
    assert reason(data) == "damaged_file"


def test_nesting_has_an_end():
    assert reason(b"<a>" * 100_000) == "damaged_file"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_texts_are_read_in_their_encoding(encoding):
    data = f'<?xml version="1.0" encoding="{encoding}"?><a><b>年</b></a>'.encode(encoding)

    assert parse_xml(data, "x").findtext("b") == "年"
    assert [element.text for element in iterate_xml(BytesIO(data), ("b",), "x")] == ["年"]


def test_elements_are_emptied_behind_the_reader():
    data = b'<r xmlns="n">' + b"<row><c>1</c></row>" * 1000 + b"</r>"
    seen = [len(element) for element in iterate_xml(BytesIO(data), ("row",), "x")]

    assert seen == [1] * 1000


def test_a_part_over_the_limit_is_refused(monkeypatch):
    monkeypatch.setattr(xml_parts, "MAX_TREE_BYTES", 10)

    with pytest.raises(UnreadableFile) as refused:
        parse_xml(b"<a>0123456789</a>", "x")
    assert refused.value.code == "too_large"


def test_names_are_told_without_their_namespace():
    assert local_name(parse_xml(b'<w:p xmlns:w="x"/>', "x")) == "p"
