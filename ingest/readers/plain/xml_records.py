"""XML data and feeds (RSS, Atom): elements as records, in the lines that JSON has.

Leaves are named by their path; elements that repeat are a list. A file that is not read safely as
XML (it declares a document type, or is broken) is read as the text that it is.
"""

from __future__ import annotations

from io import BytesIO
from itertools import groupby
from typing import Any, BinaryIO

from selectolax.lexbor import LexborHTMLParser

from ingest.readers.office.xml_parts import PARSER, Element, local_name, parse_xml
from ingest.readers.pages import PageWriter, read_bytes
from ingest.readers.plain.json_records import Pairs, RecordWriter
from ingest.readers.plain.text import read_text
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile


def read_xml(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The elements as page 1.

    Raises:
        UnreadableFile: no text, too long, or the encoding is unknown.
    """
    data = read_bytes(source, options)
    try:
        root = parse_xml(data, "XML")
    except UnreadableFile:
        return read_text(BytesIO(data), options)
    writer = PageWriter(options)
    RecordWriter(writer).add_whole(_value(root))
    return writer.extraction(f"kb xml 1 on {PARSER}", "XML")


def _value(element: Element) -> Any:
    """A text for a leaf and for mixed text; the attributes and children of others, in order."""
    attributes = [(name.rpartition("}")[2], str(value)) for name, value in element.items()]
    is_mixed = any((child.tail or "").strip() for child in element) or (element.text or "").strip()
    if len(element) and not is_mixed:
        grouped = ((name, list(same)) for name, same in groupby(element, key=local_name))
        members = ((name, [_value(one) for one in same]) for name, same in grouped)
        return Pairs([*attributes, *((n, v if len(v) > 1 else v[0]) for n, v in members)])
    text = _plain(" ".join("".join(element.itertext()).split()))
    told = ", ".join(f"{name}: {value}" for name, value in attributes)
    return f"{text} ({told})" if text and told else text or told


def _plain(text: str) -> str:
    """The words of a text; feeds carry HTML in theirs."""
    if "</" not in text and "/>" not in text and "<br" not in text:
        return text
    body = LexborHTMLParser(text).body
    return " ".join(body.text(separator=" ").split()) if body is not None else text
