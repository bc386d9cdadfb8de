"""What Word's styles and numbering say about a paragraph: heading level, list number, and
whether its text is hidden, struck out, raised or lowered.

Numbers of headings and clauses ("第三条", "2.1") stand in no text of the file: Word counts them
while it draws. They are counted here the same way, because people cite by them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from ingest.readers.list_numbers import FORMATS
from ingest.readers.office.xml_parts import Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

_OFF = ("0", "false", "off", "none")
_HEADING_NAME = re.compile(r"(?:heading|标题|überschrift|titre)\s*([1-9])$", re.IGNORECASE)
_MOST_BASES = 12
_LEVELS = 9


TextEffect = Literal["shown", "hidden", "struck", "superscript", "subscript"]
"""How the text of a run stands on the page."""
_SWITCHES: dict[str, TextEffect] = {"vanish": "hidden", "strike": "struck", "dstrike": "struck"}
_POSITIONS: dict[str | None, TextEffect] = {
    "superscript": "superscript",
    "subscript": "subscript",
    "baseline": "shown",
}


@dataclass(frozen=True, slots=True)
class Style:
    """A paragraph or run style with what it inherits: without a heading `level` is 0.

    `is_title`: it is the title of the whole document.
    """

    level: int = 0
    is_title: bool = False
    effect: TextEffect = "shown"
    list_id: str = ""
    list_level: int = 0


@dataclass(slots=True)
class _Level:
    kind: str = "bullet"
    text: str = ""
    start: int = 1


@dataclass(slots=True)
class _List:
    levels: dict[int, _Level] = field(default_factory=dict)
    counters: list[int | None] = field(default_factory=lambda: [None] * _LEVELS)


def is_on(element: Element | None) -> bool:
    """Whether a switch such as `<w:vanish/>` is there and not turned off."""
    return element is not None and element.get(f"{W}val", "1").lower() not in _OFF


def read_styles(root: Element | None) -> dict[str, Style]:
    """The styles of `styles.xml` by their ids."""
    sources = {style.get(f"{W}styleId", ""): style for style in _each(root, "style")}
    return {identifier: _style(identifier, sources) for identifier in sources}


def value_of(parent: Element | None, path: str) -> str | None:
    """The `w:val` of a property, None if it is not set."""
    found = parent.find(f"{W}{path.replace('/', f'/{W}')}") if parent is not None else None
    return found.get(f"{W}val") if found is not None else None


def run_effect(properties: Element | None, inherited: TextEffect) -> TextEffect:
    """How the run with these properties looks; what they do not set is inherited."""
    if properties is None:
        return inherited
    for tag, effect in _SWITCHES.items():
        switch = properties.find(f"{W}{tag}")
        if is_on(switch):
            return effect
        if switch is not None and inherited == effect:
            inherited = "shown"
    if inherited in _SWITCHES.values():
        return inherited
    return _POSITIONS.get(value_of(properties, "vertAlign"), inherited)


def _style(identifier: str, sources: dict[str, Element]) -> Style:
    level, title, list_id, list_level = 0, False, "", 0
    effect: TextEffect = "shown"
    chain: list[Element] = []
    current: str | None = identifier
    while current in sources and len(chain) < _MOST_BASES:
        chain.append(sources[current])
        current = value_of(sources[current], "basedOn")
    for style in reversed(chain):  # what is nearer overrides
        name = value_of(style, "name") or ""
        outline = value_of(style, "pPr/outlineLvl")
        if (heading := _HEADING_NAME.match(name)) is not None:
            level = int(heading[1])
        elif outline is not None:
            level = int(outline) + 1 if outline in tuple("012345678") else 0
        title = name.lower() == "title"
        effect = run_effect(style.find(f"{W}rPr"), effect)
        list_id = value_of(style, "pPr/numPr/numId") or list_id
        depth = value_of(style, "pPr/numPr/ilvl")
        list_level = int(depth) if depth is not None and depth.isdecimal() else list_level
    return Style(1 if title else level, title, effect, list_id, list_level)


class Numbering:
    """Counts list items and numbered headings through a document, in reading order."""

    def __init__(self, root: Element | None) -> None:
        abstract = {
            one.get(f"{W}abstractNumId", ""): {
                _depth(level): _level(level) for level in one.iterfind(f"{W}lvl")
            }
            for one in _each(root, "abstractNum")
        }
        shared = {key: _List(levels) for key, levels in abstract.items()}
        self._lists: dict[str, _List] = {}
        for number in _each(root, "num"):
            base = value_of(number, "abstractNumId") or ""
            overrides = number.findall(f"{W}lvlOverride")
            made = shared.get(base)
            if overrides and made is not None:
                made = _List({**made.levels, **_overridden(overrides, made.levels)})
            if made is not None:
                self._lists[number.get(f"{W}numId", "")] = made

    def next(self, list_id: str, depth: int) -> str | None:
        """The label of the next item ("2.1", "第三条"); "" for a bullet, None for no list."""
        found = self._lists.get(list_id)
        if found is None or depth not in found.levels:
            return None
        level = found.levels[depth]
        before = found.counters[depth]
        found.counters[depth] = level.start if before is None else before + 1
        found.counters[depth + 1 :] = [None] * (_LEVELS - depth - 1)
        return "" if level.kind in ("bullet", "none") else self._label(found, level)

    def _label(self, found: _List, level: _Level) -> str:
        def counted(match: re.Match[str]) -> str:
            depth = int(match[1]) - 1
            there = found.levels.get(depth, _Level("decimal"))
            value = found.counters[depth]
            return FORMATS.get(there.kind, str)(there.start if value is None else value)

        return re.sub(r"%([1-9])", counted, level.text).strip()


def _each(root: Element | None, tag: str) -> list[Element]:
    return root.findall(f"{W}{tag}") if root is not None else []


def _depth(element: Element) -> int:
    value = element.get(f"{W}ilvl", "0")
    return min(int(value), _LEVELS - 1) if value.isdecimal() else 0


def _level(element: Element) -> _Level:
    start = value_of(element, "start") or "1"
    return _Level(
        value_of(element, "numFmt") or "decimal",
        value_of(element, "lvlText") or "",
        int(start) if start.isdecimal() and len(start) < 7 else 1,
    )


def _overridden(overrides: list[Element], levels: dict[int, _Level]) -> dict[int, _Level]:
    made = {}
    for override in overrides:
        depth = _depth(override)
        whole = override.find(f"{W}lvl")
        base = _level(whole) if whole is not None else levels.get(depth, _Level())
        start = value_of(override, "startOverride")
        first = int(start) if start is not None and start.isdecimal() else base.start
        made[depth] = _Level(base.kind, base.text, first)
    return made
