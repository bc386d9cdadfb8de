"""XML from inside uploaded files, parsed with every door shut.

No office format needs a document type, so a part that declares one is refused before a parser
sees it: entity bombs and external entities cannot even begin. Nesting stays within libxml2's own
limit (`huge_tree=False`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Protocol

from lxml import etree

from ingest.readers.pages import normalise
from kb.errors import UnreadableFile

MAX_TREE_BYTES = 48 * 1024 * 1024
"""A tree takes about eight times the bytes of its source, and a reader has some 700 MiB."""

PARSER = f"lxml {'.'.join(map(str, etree.LXML_VERSION[:3]))}"

Element = Any
"""lxml ships no types; an element is `etree._Element`."""

_PROLOG_BYTES = 64 * 1024
# Atomic, because comments that can be split in many ways would take for ever to be given up.
_PROLOG = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s++|(?><\?.*?\?>)|(?><!--.*?-->))*+<[A-Za-z_\x80-\xff]", re.DOTALL
)
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?\sencoding\s*=\s*[\"']([^\"']{1,40})[\"']")
_READS_AS_ASCII = re.compile(
    rb"(?i)utf-?8|us-ascii|ascii|iso-?8859-\d+|windows-125\d|gb2312|gbk|gb18030|big5|euc-(?:jp|kr)"
)
_WIDE_BOMS = (b"\xff\xfe", b"\xfe\xff")
_STRICT = b"http://purl.oclc.org/ooxml/"
# The strict variant of Office's formats differs in its namespaces only.
_TRANSITIONAL = (
    (b"wordprocessingml/main", b"wordprocessingml/2006/main"),
    (b"presentationml/main", b"presentationml/2006/main"),
    (b"spreadsheetml/main", b"spreadsheetml/2006/main"),
    (b"drawingml/main", b"drawingml/2006/main"),
    (b"drawingml/chart", b"drawingml/2006/chart"),
    (b"drawingml/diagram", b"drawingml/2006/diagram"),
    (b"officeDocument/relationships", b"officeDocument/2006/relationships"),
    (b"officeDocument/math", b"officeDocument/2006/math"),
)


class ByteStream(Protocol):
    """Anything that `read(size)` takes bytes from."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes; empty at the end."""
        ...


def parse_xml(data: bytes, part: str) -> Element:
    """The root element of a part.

    Raises:
        UnreadableFile: reasons `xml_refused` (it declares a document type), `damaged_file`,
            `too_large`.
    """
    if len(data) > MAX_TREE_BYTES:
        raise UnreadableFile(
            f"{quoted(part)} in the file is over {MAX_TREE_BYTES // 2**20} MiB of XML. Split the "
            "document.",
            reason="too_large",
        )
    data = _single_byte(data, part)
    _check_prolog(data[:_PROLOG_BYTES], part)
    if _STRICT in data[:_PROLOG_BYTES]:
        for strict, transitional in _TRANSITIONAL:
            data = data.replace(
                _STRICT + strict, b"http://schemas.openxmlformats.org/" + transitional
            )
    try:
        return etree.fromstring(data, etree.XMLParser(**_DOORS_SHUT))
    except etree.XMLSyntaxError as exc:
        raise damaged_part(part, exc) from exc


def iterate_xml(stream: ByteStream, tags: tuple[str, ...], part: str) -> Iterator[Element]:
    """Elements of a long part with the given local names, one at a time, emptied behind the reader.

    Raises:
        UnreadableFile: as `parse_xml`, except for the size.
    """
    head = stream.read(_PROLOG_BYTES)
    if head.startswith(_WIDE_BOMS):
        head = _single_byte(head + b"".join(iter(lambda: stream.read(_PROLOG_BYTES), b"")), part)
    _check_encoding(head, part)
    _check_prolog(head[:_PROLOG_BYTES], part)
    names = tuple(f"{{*}}{tag}" for tag in tags)
    try:
        for _, element in etree.iterparse(_Rejoined(head, stream), tag=names, **_DOORS_SHUT):
            yield element
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    except etree.XMLSyntaxError as exc:
        raise damaged_part(part, exc) from exc


def local_name(element: Element) -> str:
    """The tag without its namespace."""
    return str(element.tag).rpartition("}")[2]


def quoted(name: str) -> str:
    """A name out of a file, safe to be shown in a sentence."""
    return repr(normalise(name)[0][:80])


def damaged_part(part: str, exc: Exception) -> UnreadableFile:
    """The error for a part that is not XML, not the XML it should be, or too much of it."""
    if "memory" in str(exc).lower():  # lxml reports that as a syntax error
        raise MemoryError from exc
    return UnreadableFile(
        f"{quoted(part)} in the file is damaged ({type(exc).__name__}). Open the file in its "
        "program and save it anew.",
        reason="damaged_file",
    )


_DOORS_SHUT: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}


class _Rejoined:
    """A stream with bytes that were taken from it put back in front."""

    def __init__(self, head: bytes, rest: ByteStream) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int = -1, /) -> bytes:
        if self._head:
            size = len(self._head) if size < 0 else size
            data, self._head = self._head[:size], self._head[size:]
            return data
        return self._rest.read(size)


def _single_byte(data: bytes, part: str) -> bytes:
    """The part in an encoding in which a document type cannot hide."""
    if not data.startswith(_WIDE_BOMS):
        _check_encoding(data, part)
        return data
    try:
        text = data.decode("utf-16")
    except UnicodeDecodeError as exc:
        raise damaged_part(part, exc) from exc
    return re.sub(r"^\s*<\?xml[^>]*\?>", "", text).encode("utf-8", "replace")


def _check_encoding(data: bytes, part: str) -> None:
    declared = _DECLARED.match(data.removeprefix(b"\xef\xbb\xbf")[:_PROLOG_BYTES])
    if declared is not None and _READS_AS_ASCII.fullmatch(declared[1]) is None:
        raise UnreadableFile(
            f"{quoted(part)} in the file is in an encoding that is not read "
            f"({quoted(declared[1].decode('latin-1'))}). Save the file anew.",
            reason="xml_refused",
        )


def _check_prolog(head: bytes, part: str) -> None:
    if _PROLOG.match(head) is None:
        if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
            raise UnreadableFile(
                f"{quoted(part)} in the file declares a document type, which its format forbids "
                "and attacks need. Save the file anew with an office program.",
                reason="xml_refused",
            )
        raise damaged_part(part, ValueError("no root element"))
