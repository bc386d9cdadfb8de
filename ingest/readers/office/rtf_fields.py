"""Fields of an RTF document whose text stands in their instruction: signs and values of forms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ingest.readers.office.symbol_fonts import symbol

_SYMBOL = re.compile(
    r'\s*SYMBOL\s+(?:0x([0-9a-f]{1,6})|([0-9]{1,6}))\b(?:.*?\\f\s*"?([^"\\]+))?', re.I | re.S
)
_BY_DEFAULT = 25
"""What `\\ffres` says where the reader of the form chose nothing (RTF 1.9.1, "Form fields")."""


@dataclass(slots=True)
class RtfField:
    """The field under way: what its form says so far."""

    choices: list[str] = field(default_factory=list)
    result: int | None = _BY_DEFAULT
    default: int | None = 0

    def text(self, instruction: str) -> str:
        """What the field shows; empty where its result (`\\fldrslt`) says it."""
        chosen = (self.default if self.result == _BY_DEFAULT else self.result) or 0
        kind = instruction.split(maxsplit=1)[:1]
        if kind == ["FORMCHECKBOX"]:
            return "☒" if chosen == 1 else "☐"
        if kind == ["FORMDROPDOWN"]:
            return self.choices[chosen] if 0 <= chosen < len(self.choices) else ""
        match = _SYMBOL.match(instruction)
        return symbol(match[3] or "", match[1] or f"{int(match[2]):x}") if match else ""
