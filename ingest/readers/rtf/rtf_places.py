"""Where the text of an RTF document goes: its body, and what groups of their own hold.

Notes are gathered where they are referred to and stand at the end; so does each different header or
footer, once.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingest.readers.plain.table_rows import one_line

PLACES = ("body", "note", "margin", "label", "style")


class Places:
    """Text on its way into a document, by place."""

    def __init__(self) -> None:
        self._parts: dict[str, list[str]] = {place: [] for place in PLACES}
        self._notes: list[str] = []
        self._margins: dict[str, None] = {}

    def add(self, place: str, text: str) -> None:
        """Put text behind what a place holds."""
        self._parts[place].append(text)

    def taken(self, place: str) -> str:
        """What a place holds, which is empty then."""
        text = "".join(self._parts[place])
        self._parts[place].clear()
        return text

    def end_note(self) -> None:
        """The note is whole; its number stands in the body."""
        self._notes.append(one_line(self.taken("note")))
        self.add("body", f"[{len(self._notes)}]")

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
