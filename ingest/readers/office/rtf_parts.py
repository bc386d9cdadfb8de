"""Where the text of an RTF document goes: its body, its tables, and what groups of their own hold.

Notes are gathered where they are referred to and stand at the end; so does each different header or
footer, once. A table's row is defined (with its merges) before its cells come.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from ingest.readers.link_targets import link_target
from ingest.readers.office.hyperlinks import FIELD
from ingest.readers.raised_text import noted
from ingest.readers.table_rows import Cell, one_line
from kb.errors import UnreadableFile

DESTINATIONS = ("body", "note", "margin", "label", "style", "instruction", "choice")
UNSEEN = ("style", "instruction", "choice")
"""Destinations whose text no reader sees as it stands."""


_MAX_BYTES = 128 * 1024 * 1024
"""Pictures are written in hexadecimal, so a file may be far longer than its text."""


def rtf_bytes(source: BinaryIO) -> bytes:
    """All of a document, which is one by its first bytes and not too long."""
    data = source.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise UnreadableFile(
            f"The file is over {_MAX_BYTES >> 20} MiB. Save it without pictures.",
            reason="too_large",
        )
    if not data[:100].lstrip().startswith(b"{\\rtf"):
        raise UnreadableFile(
            "The file is not an RTF document. Correct its extension.", reason="damaged_file"
        )
    return data


def too_deep() -> UnreadableFile:
    """The error for groups within groups without end."""
    return UnreadableFile(
        "The document is nested too deeply to be read. Save it anew.", reason="damaged_file"
    )


@dataclass(frozen=True, slots=True)
class RtfState:
    """What holds until a group ends. `destination` is one of `DESTINATIONS`, "font",
    "form" or "skip"; `font` is its name, `link` an address and how many texts stood before it."""

    destination: str = "body"
    codec: str = "cp1252"
    skip_after_unicode: int = 1
    hidden: bool = False
    deleted: bool = False
    struck: bool = False
    level: int = 0
    in_table: bool = False
    position: str = ""
    font: str = ""
    field_is_told: bool = False
    link: tuple[str, int] = ("", 0)


class Destinations:
    """Text on its way into a document, by destination."""

    def __init__(self) -> None:
        self._parts: dict[str, list[str]] = {destination: [] for destination in DESTINATIONS}
        self._notes: list[str] = []
        self._margins: dict[str, None] = {}

    def add(self, destination: str, text: str) -> None:
        """Put text behind what a destination holds."""
        self._parts[destination].append(text)

    def taken(self, destination: str) -> str:
        """What a destination holds, which is empty then."""
        text = "".join(self._parts[destination])
        self._parts[destination].clear()
        return text

    def begin_link(self, destination: str, instruction: str) -> tuple[str, int]:
        """The link that a field is; its address is empty where it is none."""
        match = FIELD.match(instruction)
        return (match[1], len(self._parts.get(destination, ()))) if match else ("", 0)

    def end_link(self, state: RtfState) -> int:
        """Put the target of a link behind its words; returns how many are left out, 0 or 1."""
        address, start = state.link
        words = "".join(self._parts.get(state.destination, ())[start:])
        target, left_out = link_target(address, words)
        if not words.strip():
            return 0
        self.add(state.destination, target)
        return left_out

    def end_note(self) -> None:
        """The note is whole; its number stands in the body."""
        self._notes.append(one_line(self.taken("note")))
        self.add("body", noted(str(len(self._notes))))

    def end_margin(self) -> None:
        """The header or footer is whole; one without a letter is a page number."""
        text = one_line(self.taken("margin"))
        if any(character.isalpha() for character in text):
            self._margins[text] = None

    def at_the_end(self) -> Iterator[str]:
        """The notes with their numbers, then headers and footers."""
        for number, note in enumerate(self._notes, start=1):
            yield f"[{number}] {note}"
        yield from self._margins


class RtfTable:
    """The table under way: the texts of the cells of its last row, and the merges of its cells."""

    def __init__(self) -> None:
        self.cells: list[str] = []
        self.merges: list[tuple[bool, bool]] = []
        self._merge = (False, False)
        self._rows: list[list[Cell]] = []

    def merge(self, *, across: bool = False, down: bool = False) -> None:
        """The cell that is defined next is merged with the one before, or the one above."""
        self._merge = (self._merge[0] or across, self._merge[1] or down)

    def define_cell(self) -> None:
        """The definition of a cell ends."""
        self.merges.append(self._merge)
        self._merge = (False, False)

    def end_row(self) -> None:
        """A row ends."""
        above = {cell.column: cell.text for cell in self._rows[-1]} if self._rows else {}
        row: list[Cell] = []
        for column, text in enumerate(self.cells):
            across, down = self.merges[column] if column < len(self.merges) else (False, False)
            if across and row and not text:
                row[-1] = row[-1]._replace(width=row[-1].width + 1)
            elif down and not text:
                row.append(Cell(column, above.get(column, ""), continued=True))
            else:
                row.append(Cell(column, text))
        self.cells.clear()
        self._rows.append(row)

    def take(self) -> list[list[Cell]]:
        """All rows; the next one begins another table."""
        if self.cells:
            self.end_row()
        rows, self._rows = self._rows, []
        return rows
