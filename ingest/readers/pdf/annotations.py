"""What lies on a PDF page and not in its content: form fields, free text, notes, attached files.

A field's value is put where it stands: behind its label (`Plate number: KI-RT 4821`), and a tick
behind or before its label (`Electric car: yes`, `☒ Parking`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any

import pypdf
from pypdf.generic import ArrayObject, PdfObject, StreamObject

from ingest.readers.link_targets import link_target
from ingest.readers.pages import enumerated
from ingest.readers.pdf.geometry import PageGeometry, Run

_MOST = 2_000
_HIDDEN = 2 | 32
_RADIO, _BUTTON, _PASSWORD = 1 << 15, 1 << 16, 1 << 13
_SILENT = ("/Link", "/Popup", "/Widget", "/FileAttachment", "/Redact", "/Watermark")
_DEEPEST_FIELD = 20
_LARGEST = 12.0
_RIGHT_LABEL = 1.5


@dataclass(frozen=True, slots=True)
class Field:
    """A form field: what it is called, what it says, and where. A tick is None, or set or not."""

    name: str
    value: str
    ticked: bool | None
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class Link:
    """Where a part of a page leads, and its edges: left, bottom, right, top."""

    address: str
    box: tuple[float, ...]


@dataclass(slots=True)
class Annotations:
    """Of one page. `files` are attached files by name, `damaged` counts what cannot be read, and
    `untold` links whose targets are not in the text."""

    fields: list[Field] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    files: list[tuple[str, bytes]] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    damaged: int = 0
    untold: int = 0


def annotations_of(page: pypdf.PageObject) -> Annotations:
    """What can be read of a page's annotations."""
    found = Annotations()
    raw = page.get("/Annots")
    listed = raw.get_object() if raw is not None else ()
    for entry in islice(listed if isinstance(listed, ArrayObject) else (), _MOST):
        try:
            _read(entry.get_object(), found)
        except MemoryError:
            raise
        except Exception:  # a border, as for pages
            found.damaged += 1
    return found


def _read(note: Mapping[str, Any], found: Annotations) -> None:
    if int(_entry(note, "/F") or 0) & _HIDDEN:
        return
    kind, text = _entry(note, "/Subtype"), str(_entry(note, "/Contents") or "").strip()
    if kind == "/Widget":
        found.fields.extend(_fields(note))
    elif kind == "/Link" and "/A" in note and "/URI" in note["/A"]:
        box = tuple(float(edge) for edge in note["/Rect"])
        found.links.append(Link(str(note["/A"]["/URI"]), box))
    elif kind == "/Stamp" and not text and (name := str(_entry(note, "/Name"))[1:]).isalpha():
        found.texts.append(f"Stamp: {name}")
    elif kind == "/FileAttachment":
        found.files.extend(_files(note))
    elif text and kind not in _SILENT:
        found.texts.append(text if kind == "/FreeText" else f"Note: {text}")


def _fields(widget: Mapping[str, Any]) -> Iterator[Field]:
    kind, flags = _inherited(widget, "/FT"), int(_inherited(widget, "/Ff") or 0)
    name = str(_inherited(widget, "/TU") or "").strip()
    value = _inherited(widget, "/V")
    x0, y0, x1, y1 = (float(edge) for edge in widget["/Rect"])
    if kind == "/Btn" and not flags & _BUTTON:
        state = _entry(widget, "/AS") or value
        yield Field(name, "", state not in (None, "/Off"), x0, y0, x1, y1)
    elif kind == "/Ch" and value is not None:
        chosen = value if isinstance(value, ArrayObject) else [value]
        shown = dict(_options(_inherited(widget, "/Opt")))
        text = ", ".join(shown.get(str(one), str(one)) for one in chosen)
        yield Field(name, text, None, x0, y0, x1, y1)
    elif kind == "/Tx" and value is not None and not flags & _PASSWORD:
        text = value.get_data().decode("latin-1") if isinstance(value, StreamObject) else value
        yield Field(name, str(text).strip(), None, x0, y0, x1, y1)
    elif kind == "/Sig" and value is not None and x1 > x0:
        signer = str(_entry(value, "/Name") or "signed")
        yield Field(name or "Signature", signer, None, x0, y0, x1, y1)


def _entry(holder: Mapping[str, Any], key: str) -> Any:
    """What a dictionary holds, which may stand elsewhere in the file; `get` does not look there."""
    value = holder.get(key)
    return value.get_object() if isinstance(value, PdfObject) else value


def _inherited(widget: Mapping[str, Any], key: str) -> Any:
    """A value of a field, or of the field that it is part of."""
    for _ in range(_DEEPEST_FIELD):
        if key in widget:
            return widget[key]
        if "/Parent" not in widget:
            return None
        widget = widget["/Parent"]
    return None


def _options(listed: Any) -> Iterator[tuple[str, str]]:
    for option in listed or ():
        if isinstance(option, ArrayObject) and len(option) > 1:
            yield str(option[0]), str(option[1])


def _files(note: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    named = note["/FS"]
    stream = named["/EF"]["/F"].get_object()
    yield str(_entry(named, "/UF") or _entry(named, "/F") or ""), bytes(stream.get_data())


def shown_otherwise(reader: pypdf.PdfReader | None) -> Iterator[str]:
    """Sentences about what a viewer shows in another way than the pages hold it."""
    try:
        root: Mapping[str, Any] = reader.root_object if reader is not None else {}
        form = _entry(root, "/AcroForm") or {}
        if "/XFA" in form and not _entry(form, "/Fields"):
            yield "The form (XFA) was not read: print it into a new PDF and upload that."
        layers = _entry(_entry(root, "/OCProperties") or {}, "/D") or {}
        hidden = [str(layer.get_object()["/Name"]) for layer in _entry(layers, "/OFF") or ()]
        if hidden:
            yield f"Layers that are not shown were read, too: {enumerated(hidden)}."
    except MemoryError:
        raise
    except Exception:  # a border, as for pages
        return


def put_links(geometry: PageGeometry | None, notes: Annotations) -> None:
    """Set the targets of links behind their words, and count those that are left out."""
    for address, parts in groupby(notes.links, key=lambda link: link.address):
        runs = geometry.runs if geometry is not None else []
        inside = [n for link in parts for n in _runs_within(geometry, link.box)]
        target, left_out = link_target(address, "".join(runs[n].text for n in inside))
        if inside:
            last = runs[inside[-1]]
            word = last.text.rstrip(".,;:!?)")
            runs[inside[-1]] = last._replace(text=f"{word}{target}{last.text[len(word) :]}")
        notes.untold += left_out or (bool(target) and not inside)


def _runs_within(geometry: PageGeometry | None, box: tuple[float, ...]) -> list[int]:
    if geometry is None:
        return []
    x0, top, x1, bottom = _shown(geometry, box)
    return [
        n
        for n, run in enumerate(geometry.runs)
        if x0 <= (run.x0 + run.x1) / 2 <= x1 and top <= run.baseline - 0.3 * run.size <= bottom
    ]


def _shown(geometry: PageGeometry, box: Sequence[float]) -> tuple[float, float, float, float]:
    """A box as the page is shown: left, top, right, bottom."""
    (xa, ya), (xb, yb) = geometry.turn(box[0], box[1]), geometry.turn(box[2], box[3])
    return min(xa, xb), min(ya, yb), max(xa, xb), max(ya, yb)


def put_fields(geometry: PageGeometry, fields: list[Field]) -> None:
    """Set the values of fields among the words of their page."""
    values: set[int] = set()
    for one in sorted(fields, key=lambda one: (-one.y1, one.x0)):
        _put(geometry, one, _shown(geometry, (one.x0, one.y0, one.x1, one.y1)), values)


def _put(
    geometry: PageGeometry, one: Field, box: tuple[float, float, float, float], values: set[int]
) -> None:
    x0, top, x1, bottom = box
    runs = geometry.runs
    beside = [
        n for n, run in enumerate(runs) if top - 2 < run.baseline - 0.3 * run.size < bottom + 2
    ]
    size = runs[beside[0]].size if beside else min(_LARGEST, 0.7 * (bottom - top))
    left = max((n for n in beside if runs[n].x1 <= x0 + 2), key=lambda n: runs[n].x1, default=None)
    if left is not None and (left in values or _is_parted(geometry, runs[left].x1, x0, top)):
        left = None
    text = one.value
    if one.ticked is not None:
        right = any(0 <= runs[n].x0 - x1 + 2 < _RIGHT_LABEL * size for n in beside)
        if right or left is None:
            text, left = ("☒" if one.ticked else "☐"), None
            text = text if right or not one.name else f"{text} {one.name}"
        else:
            text = "yes" if one.ticked else "no"
    elif left is None and one.name and text:
        text = f"{one.name}: {text}"
    if not text:
        return
    if left is not None:
        label = runs[left]
        if not label.text.endswith((":", "：", "?", "？")):
            runs[left] = label._replace(text=f"{label.text}:")
        x0, size = label.x1 + 0.2 * size, label.size
    baseline = min(
        (runs[n].baseline for n in (beside if left is None else [left])),
        default=(top + bottom) / 2 + 0.3 * size,
    )
    for number, line in enumerate(text.splitlines()):
        values.add(len(runs))
        runs.append(Run(line, x0, max(x1, x0 + size), baseline + 1.2 * size * number, size))


def _is_parted(geometry: PageGeometry, x0: float, x1: float, y: float) -> bool:
    """Whether a line is drawn between a label and a field: it stands in another cell."""
    return any(x0 < edge.at < x1 - 3 and edge.start <= y <= edge.end for edge in geometry.down)
