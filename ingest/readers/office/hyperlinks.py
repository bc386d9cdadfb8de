"""Links of Office Open XML: where they lead is written behind their words, in the tree itself, as
each part of a file has its own list of addresses."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from ingest.readers.link_targets import LINKS, link_target
from ingest.readers.office.package import Package
from ingest.readers.office.xml_parts import Element

FIELD = re.compile(r'\s*HYPERLINK\s+"([^"]+)"', re.IGNORECASE)
"""A link as the code of a field."""
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_R_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def linked_part(package: Package, name: str, losses: Counter[str]) -> Element:
    """The root of a part, in which targets stand behind the words of links; the rest is counted.

    Raises:
        UnreadableFile: the part is missing or damaged.
    """
    root = package.xml(name)
    addresses = package.addresses(name)
    for target, texts in (*_links(root, addresses), *_fields(root)):
        words = "".join(text.text or "" for text in texts)
        unsaid, left_out = link_target(target, words)
        losses[LINKS] += left_out
        if texts:
            texts[-1].text = f"{texts[-1].text or ''}{unsaid}"
    return root


def optional_linked_part(
    package: Package, name: str | None, losses: Counter[str]
) -> Element | None:
    """The same of a part that need not be there."""
    if name is None or package.find(name) is None:
        return None
    return linked_part(package, name, losses)


def _links(root: Element, addresses: dict[str, str]) -> Iterator[tuple[str, list[Element]]]:
    """The links of a part and the elements that hold their words: none for one on a picture."""
    for link in root.iter(f"{_W}hyperlink") if addresses else ():
        if link.get(_R_ID) in addresses and (texts := list(link.iter(f"{_W}t"))):
            yield addresses[link.get(_R_ID)], texts
    by_paragraph: dict[tuple[Element, str], list[Element]] = {}
    for click in root.iter(f"{_A}hlinkClick") if addresses else ():
        run = click.getparent().getparent()
        key = run.getparent(), click.get(_R_ID, "")
        by_paragraph.setdefault(key, []).extend(run.iterchildren(f"{_A}t"))
    for (_, identifier), texts in by_paragraph.items():
        if identifier in addresses:
            yield addresses[identifier], texts


def _fields(root: Element) -> Iterator[tuple[str, list[Element]]]:
    """Links that are fields: their words stand in the runs up to the field's end."""
    for field in root.iter(f"{_W}fldSimple"):
        if match := FIELD.match(field.get(f"{_W}instr", "")):
            yield match[1], list(field.iter(f"{_W}t"))
    for code in root.iter(f"{_W}instrText"):
        match = FIELD.match(code.text or "")
        texts: list[Element] = []
        for run in code.getparent().itersiblings(f"{_W}r") if match else ():
            mark = run.find(f"{_W}fldChar")
            if mark is not None and mark.get(f"{_W}fldCharType") == "end":
                break
            texts += run.iterchildren(f"{_W}t")
        if match and texts:
            yield match[1], texts
