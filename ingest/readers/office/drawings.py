"""Words in charts and SmartArt, which lie in parts of their own, and words about pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ingest.readers.office.package import Package, Relation
from ingest.readers.office.xml_parts import Element, local_name
from ingest.readers.table_rows import cells, named_values

_MOST_POINTS = 1000
_BY_MACHINE = re.compile(r"(?:AI-generated content|Description automatically).*", re.DOTALL)


def drawing_texts(package: Package, relations: Mapping[str, Relation]) -> dict[str, str]:
    """The text of every chart and diagram that a part links to, by the link's id."""
    texts = {}
    for identifier, relation in relations.items():
        if relation.kind in ("chart", "diagramData"):
            root = package.optional_xml(relation.target)
            if root is not None:
                read = chart_text if relation.kind == "chart" else paragraphs_text
                texts[identifier] = read(root)
    return texts


def alternative_text(properties: Element | None) -> str:
    """What a person wrote about a picture for those who cannot see it; "" if nobody did."""
    text = properties.get("descr", "") if properties is not None else ""
    text = " ".join(_BY_MACHINE.sub("", text).split())
    return f"[Picture: {text}]" if text else ""


def paragraphs_text(root: Element) -> str:
    """The text of all DrawingML paragraphs under an element, a line each."""
    lines = ("".join(text.text or "" for text in p.iter("{*}t")) for p in root.iter("{*}p"))
    return "\n".join(line for line in lines if line.strip())


def chart_text(root: Element) -> str:
    """A chart as a table: its titles, then a line per category with the value of each series."""
    titles = [paragraphs_text(title) for title in root.iter("{*}title")]
    series = list(root.iter("{*}ser"))
    header = {number + 1: _series_name(one) for number, one in enumerate(series)}
    rows: dict[str, dict[int, str]] = {}
    for number, one in enumerate(series):
        categories = _points(one.find("{*}cat"), one.find("{*}xVal"))
        values = _points(one.find("{*}val"), one.find("{*}yVal"))
        for index, value in values.items():
            rows.setdefault(categories.get(index, str(index)), {})[number + 1] = value
    lines = [
        named_values(header, cells([category, *(row.get(n, "") for n in header)]))
        for category, row in rows.items()
    ]
    return "\n".join(line for line in (*titles, *lines) if line)


def _series_name(series: Element) -> str:
    points = _points(series.find("{*}tx"))
    return " ".join(points.values())


def _points(*sources: Element | None) -> dict[str, str]:
    """The stored values of the first source that is there, by their index."""
    for source in sources:
        if source is not None:
            found: dict[str, str] = {}
            for point in source.iter("{*}pt"):
                value = "".join(v.text or "" for v in point.iter("{*}v"))
                if value and len(found) < _MOST_POINTS:
                    found[point.get("idx", "")] = value
            plain = [v.text or "" for v in source if local_name(v) == "v"]
            return found or {"0": " ".join(plain)}
    return {}
