"""EPUB books: a page per item of the reading order, each read as the HTML it is.

The zip and the package file are read here and the chapters by the HTML reader: ebooklib, the usual
library, is under the AGPL. A chapter that cannot be read counts as empty and is named.
"""

from __future__ import annotations

import html
import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from selectolax.lexbor import LexborHTMLParser

from ingest.readers.office.package import Package, resolved
from ingest.readers.office.xml_parts import PARSER, Element
from ingest.readers.pages import PICTURES, PageWriter, enumerated
from ingest.readers.web.html import read_html
from ingest.readers.web.html_elements import raw_text
from ingest.readers.web.html_source import decode_html
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile

_FONT_SCRAMBLING = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_CHAPTERS = ("application/xhtml+xml", "text/html", "text/x-oeb1-document", "")
_DRAWING = "image/svg+xml"
_NCX = "application/x-dtbncx+xml"
_MOST_FALLBACKS = 10
_PROLOG = 4096
_MOST_WARNINGS = 5
_VOID_WORDS = """
    area base br col embed hr img input link meta source track wbr
    """
_VOID = frozenset(_VOID_WORDS.split())
_SELF_CLOSED = re.compile(r"<([a-zA-Z][\w.:-]*)([^<>]*)/>")
_COUNTED = re.compile(r"(.+): (\d+)\.")
_TITLE = re.compile(r"<title\b[^<>]*>([^<]*)</title\s*>", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*(?:\[[^\]]*\]\s*)?>", re.IGNORECASE)


def read_epub(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The book in its reading order.

    Raises:
        UnreadableFile: no text, too long, damaged, locked (DRM), or not an EPUB.
    """
    return _Book(Package(source), options).extraction()


class _Book:
    """One pass over the chapters."""

    def __init__(self, package: Package, options: ReadOptions) -> None:
        self._package = package
        self._options = options
        self._pages = PageWriter(options)
        self._locked = _locked_parts(package)
        self._warnings: Counter[str] = Counter()
        self._told: set[str] = set()
        self._titles: dict[str, str] = {}

    def extraction(self) -> Extraction:
        chapters = list(self._chapters())
        if chapters and all(name in self._locked for name, _ in chapters):
            raise UnreadableFile(
                "The book is encrypted (DRM). Only books without copy protection can be read.",
                reason="password_required",
            )
        failed = []
        for number, (name, media_type) in enumerate(chapters, start=1):
            if number > 1:
                self._pages.turn_page()
            if not self._is_read(name, media_type):
                failed.append(str(number))
        if failed:
            self._pages.warnings.append(
                f"Chapters that could not be read and count as empty: {enumerated(failed)}."
            )
        repeated = (text for text, _ in self._warnings.most_common(_MOST_WARNINGS))
        return self._pages.extraction(f"kb epub 1 on {PARSER}", "book", repeated)

    def _chapters(self) -> Iterator[tuple[str, str]]:
        """Part name and media type of every item in the reading order."""
        container = self._package.xml("META-INF/container.xml")
        root_file = next(container.iter("{*}rootfile"), None)
        name = resolved("", root_file.get("full-path", "") if root_file is not None else "")
        book = self._package.xml(name)
        self._told.add(_words(next(book.iter("{http://purl.org/dc/elements/1.1/}title"), None)))
        items = {item.get("id", ""): item for item in book.iter("{*}item")}
        folder = posixpath.dirname(name)
        for item in items.values():
            if "nav" in item.get("properties", "").split() or item.get("media-type") == _NCX:
                self._read_contents(resolved(folder, item.get("href", "")))
        for reference in book.iter("{*}itemref"):
            item = _readable(items, reference.get("idref", ""))
            href, media_type = ("", "") if item is None else map(item.get, ("href", "media-type"))
            yield resolved(folder, href or ""), media_type or ""

    def _read_contents(self, part: str) -> None:
        """Take the titles of chapters from a table of contents."""
        if self._package.find(part) is None:
            return
        tree = LexborHTMLParser(_as_html(decode_html(self._package.read(part), None)[0].text))
        entries = [(point.parent, point.attributes.get("src")) for point in tree.css("content")]
        for nav in tree.css("nav"):
            if "toc" in (nav.attributes.get("epub:type") or "toc"):
                entries += [(link, link.attributes.get("href")) for link in nav.css("a")]
        for entry, target in entries:
            label = entry.css_first("text") or entry if entry is not None else None
            chapter = resolved(posixpath.dirname(part), (target or "").partition("#")[0])
            if label is not None:
                self._titles.setdefault(chapter, raw_text(label))

    def _is_read(self, name: str, media_type: str) -> bool:
        """Write a chapter; False if it cannot be read. An empty one counts as read."""
        if name in self._locked or self._package.find(name) is None:
            return False
        if media_type.startswith("image/") and media_type != _DRAWING:
            self._pages.losses[PICTURES] += 1
            return True
        try:
            self._chapter(name, media_type)
        except UnreadableFile as exc:
            if exc.code == "too_large":
                raise
            return exc.code == "no_text"
        return True

    def _chapter(self, name: str, media_type: str) -> None:
        decoded, lie = decode_html(self._package.read(name), None)
        source = _as_html(decoded.text)
        if media_type == _DRAWING:  # its text elements become plain text without the drawing
            source = re.sub(r"</?svg\b[^<>]*>", "", source)
        title = _TITLE.search(source)
        source = _TITLE.sub("", source)
        bounded = ReadOptions("utf-8", self._options.max_characters)
        chapter = read_html(BytesIO(source.encode("utf-8", "surrogatepass")), bounded)
        if not any(block.kind == "heading" for block in chapter.blocks):
            self._write_title(html.unescape(title[1]) if title else "", name)
        text = chapter.pages[0].text
        for block in chapter.blocks:
            self._pages.put(block.kind, text[block.start : block.end], block.level)
        for warning in chapter.warnings:
            counted = _COUNTED.fullmatch(warning)
            if counted is not None:
                self._pages.losses[counted[1]] += int(counted[2])
            else:
                self._warnings[warning] += 1
        self._warnings.update([lie] if lie else [])

    def _write_title(self, title: str, name: str) -> None:
        """A chapter's title where it has no heading; that of the contents where it only repeats the
        book's or another chapter's."""
        title = " ".join(title.split())
        if not title or title in self._told:
            title = " ".join(self._titles.get(name, "").split())
        if title:
            self._told.add(title)
            self._pages.put("heading", title, 1)


def _locked_parts(package: Package) -> set[str]:
    """Parts that are encrypted; scrambled fonts do not matter."""
    root = package.optional_xml("META-INF/encryption.xml")
    locked = set()
    for entry in root.iter("{*}EncryptedData") if root is not None else ():
        method = next(entry.iter("{*}EncryptionMethod"), None)
        if method is None or method.get("Algorithm") not in _FONT_SCRAMBLING:
            locked |= {resolved("", ref.get("URI", "")) for ref in entry.iter("{*}CipherReference")}
    return locked


def _readable(items: dict[str, Element], identifier: str) -> Element | None:
    """The item, or what it names as a substitute for readers that do not know its type."""
    first = items.get(identifier)
    item = first
    for _ in range(_MOST_FALLBACKS):
        if item is None or item.get("media-type", "") in (*_CHAPTERS, _DRAWING):
            break
        item = items.get(item.get("fallback", ""))
    return item if item is not None else first


def _words(element: Element | None) -> str:
    return " ".join("".join(element.itertext()).split()) if element is not None else ""


def _as_html(source: str) -> str:
    """XHTML in the spelling of HTML: there `<title/>` is not an empty element but opens one."""
    source = _DOCTYPE.sub("", source[:_PROLOG], count=1) + source[_PROLOG:]
    plain, *sections = source.split("<![CDATA[")
    parts = [plain]
    for section in sections:
        text, _, after = section.partition("]]>")
        parts += [html.escape(text), after]

    def opened(match: re.Match[str]) -> str:
        name = match[1]
        return match[0] if name.lower() in _VOID else f"<{name}{match[2]}></{name}>"

    return _SELF_CLOSED.sub(opened, "".join(parts))
