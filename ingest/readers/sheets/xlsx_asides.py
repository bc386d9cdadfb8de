"""What stands beside the cells of a sheet: notes, text boxes, pictures and charts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from ingest.readers.office.drawings import alternative_text, paragraphs_text
from ingest.readers.office.package import Package, Relation
from ingest.readers.pages import PICTURES
from ingest.readers.table_rows import one_line

CHARTS = "Charts not read"
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
