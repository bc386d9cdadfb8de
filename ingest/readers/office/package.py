"""The parts of a zipped document (Office Open XML, OpenDocument, EPUB) and what links them.

Opening one inspects the archive first; nothing is read that was not inspected, and targets outside
the file are never followed.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import unquote

from ingest.intake import archives
from ingest.readers.office.xml_parts import Element, local_name, parse_xml, quoted
from kb.errors import UnreadableFile

MAIN_KINDS = {
    "wordprocessingml": "a Word document",
    "ms-word": "a Word document",
    "presentationml": "a PowerPoint presentation",
    "ms-powerpoint": "a PowerPoint presentation",
    "spreadsheetml": "an Excel workbook",
    "sheet.binary": "a binary Excel workbook (.xlsb)",
    "ms-excel": "an Excel workbook",
    "visio": "a Visio drawing",
}
"""What the content type of a main part tells about the file; the first match counts."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A link from one part to another; `kind` is the last word of its type."""

    kind: str
    target: str


class Package:
    """A zipped document that has been inspected."""

    def __init__(self, source: BinaryIO) -> None:
        """Raises UnreadableFile: the archive is damaged, locked or hostile."""
        self._source = source
        members = archives.inspect(source, archives.DOCUMENT_LIMITS)
        self._members = {member.name: member for member in members if not member.is_folder}
        self._by_lower_case = {name.lower(): name for name in self._members}

    def find(self, name: str) -> str | None:
        """The part's name as it is spelt here, if there is such a part."""
        return name if name in self._members else self._by_lower_case.get(name.lower())

    def stream(self, name: str) -> archives.MemberStream:
        """The bytes of a part, to be read in one go before any other part.

        Raises:
            UnreadableFile: it is missing.
        """
        found = self.find(name)
        if found is None:
            raise UnreadableFile(
                f"The file lacks its part {quoted(name)}: it is damaged. Save it anew.",
                reason="damaged_file",
            )
        return archives.MemberStream(self._source, self._members[found])

    def read(self, name: str) -> bytes:
        """All bytes of a part."""
        return self.stream(name).read()

    def xml(self, name: str) -> Element:
        """The root element of a part."""
        return parse_xml(self.read(name), name)

    def optional_xml(self, name: str | None) -> Element | None:
        """The root element of a part that need not be there."""
        return self.xml(name) if name is not None and self.find(name) is not None else None

    def relations(self, part: str) -> dict[str, Relation]:
        """The links of a part by their ids, in order; links that lead outside are left out."""
        folder, _ = posixpath.split(part)
        return {
            link.get("Id"): Relation(
                link.get("Type", "").rpartition("/")[2], resolved(folder, link.get("Target", ""))
            )
            for link in self._links(part)
            if link.get("TargetMode") != "External" and link.get("Id")
        }

    def addresses(self, part: str) -> dict[str, str]:
        """Where the links of a part lead that leave the file, by their ids."""
        return {
            link.get("Id"): link.get("Target", "")
            for link in self._links(part)
            if link.get("TargetMode") == "External"
            and link.get("Id")
            and link.get("Type", "").endswith("/hyperlink")
        }

    def _links(self, part: str) -> Element:
        folder, name = posixpath.split(part)
        root = self.optional_xml(posixpath.join(folder, "_rels", f"{name}.rels"))
        return root if root is not None else ()

    def related(self, part: str, kind: str) -> str | None:
        """The first part of that kind that a part links to."""
        targets = (link.target for link in self.relations(part).values() if link.kind == kind)
        return next(targets, None)

    def main_part(self, expected: str) -> str:
        """The part that the others hang from, after checking that it is of the expected kind.

        Args:
            expected: one of the values of `MAIN_KINDS`.

        Raises:
            UnreadableFile: it is missing, or the file is of another kind.
        """
        main = self.related("", "officeDocument")
        if main is None:
            raise UnreadableFile(
                f"The file is a zip archive, but not {expected}: it has no main part.",
                reason="damaged_file",
            )
        content_type = self._content_type(main)
        actual = next((MAIN_KINDS[word] for word in MAIN_KINDS if word in content_type), expected)
        if actual != expected:
            raise UnreadableFile(
                f"The file is {actual}, not {expected}. Give it the right extension and upload it "
                "again.",
                reason="wrong_format",
            )
        return main

    def _content_type(self, part: str) -> str:
        types = self.optional_xml("[Content_Types].xml")
        for entry in types if types is not None else ():
            same = entry.get("PartName", "").lower() == f"/{part}".lower()
            if local_name(entry) == "Override" and same:
                return str(entry.get("ContentType", ""))
        return ""


def resolved(folder: str, target: str) -> str:
    """A link's target as a part name; the way up ends at the root of the file."""
    path = unquote(target.partition("#")[0])
    return posixpath.normpath(posixpath.join("/", folder, path)).lstrip("/")
