"""What stands beside the cells of a sheet: notes, text boxes, pictures and charts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from ingest.readers.office.drawings import alternative_text, paragraphs_text
from ingest.readers.office.package import Package, Relation
from ingest.readers.office.xml_parts import Element, iterate_xml
from ingest.readers.pages import PICTURES
from ingest.readers.table_rows import one_line

CHARTS = "Charts not read"
_R_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_LINK_FORMULA = re.compile(r'HYPERLINK\("([^"]+)"', re.IGNORECASE)
_BEFORE_THREAD = "Comment:"
"""Excel's own words for older programs end with it."""


def cell_notes(package: Package, relations: Mapping[str, Relation]) -> dict[str, str]:
    """The notes of a sheet by their cells ("B2")."""
    notes = {}
    for relation in relations.values():
        root = package.optional_xml(relation.target) if relation.kind == "comments" else None
        for note in root.iter("{*}comment") if root is not None else ():
            text = one_line("".join(t.text or "" for t in note.iter("{*}t")))
            if text.startswith("[Threaded comment]"):
                text = text.partition(_BEFORE_THREAD)[2].strip()
            notes[note.get("ref", "")] = text
    return notes


def cell_links(package: Package, part: str) -> dict[str, str]:
    """Where the cells of a sheet link to, by the cells; the list stands behind the rows."""
    addresses = package.addresses(part)
    links = {}
    stream = package.stream(part) if addresses else None
    for link in iterate_xml(stream, ("hyperlink", "row"), part) if stream is not None else ():
        if link.get(_R_ID) in addresses:
            links[link.get("ref", "").partition(":")[0]] = addresses[link.get(_R_ID)]
    return links


def linked_to(cell: Element) -> str:
    """Where the formula of a cell links to; "" if it does not."""
    formula = cell.find("{*}f")
    match = _LINK_FORMULA.match(formula.text or "") if formula is not None else None
    return match[1] if match else ""


def drawn_texts(
    package: Package, relations: Mapping[str, Relation], losses: Counter[str]
) -> list[str]:
    """The text boxes of a sheet and what is said about its pictures; the rest is counted."""
    texts: list[str] = []
    for relation in relations.values():
        root = package.optional_xml(relation.target) if relation.kind == "drawing" else None
        if root is None:
            continue
        texts += [paragraphs_text(body) for body in root.iter("{*}txBody")]
        for picture in root.iter("{*}pic"):
            losses[PICTURES] += 1
            texts.append(alternative_text(next(picture.iter("{*}cNvPr"), None)))
        losses[CHARTS] += sum(1 for _ in root.iter("{*}chart", "{*}relIds"))
    return [text for text in texts if text.strip()]
