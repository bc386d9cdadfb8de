"""RTF documents, read token by token: striprtf, the maintained library for it, yields one string
without headings, tables or notes, and takes hidden text along.

A group's settings end with it, so the state is a stack; text has the code page of its font.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO

from ingest.readers.link_targets import LINKS
from ingest.readers.office.rtf_fields import RtfField
from ingest.readers.office.rtf_parts import (
    DESTINATIONS,
    UNSEEN,
    Destinations,
    RtfState,
    RtfTable,
    rtf_bytes,
    too_deep,
)
from ingest.readers.office.rtf_words import (
    CHARACTER_SETS,
    DESTINATION_WORDS,
    FONT_CHARSETS,
    LOST_GROUPS,
    NO_TEXT,
    SIGNS,
    STARRED_TEXT,
    TOGGLES,
    TOKEN,
    of_code_page,
)
from ingest.readers.office.symbol_fonts import SIGN_FONTS, drawn
from ingest.readers.pages import DELETED, HIDDEN, STRUCK, PageWriter
from ingest.readers.raised_text import lowered, raised
from ingest.readers.table_rows import one_line
from ingest.types import Extraction, ReadOptions

_DEEPEST = 10_000
_HEADING_NAME = re.compile(r"(?:heading|标题)\s*([1-9])\b", re.IGNORECASE)


def read_rtf(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The document; pages are those of explicit page breaks.

    Raises:
        UnreadableFile: no text, too long, or not RTF.
    """
    return _RtfDocument(PageWriter(options)).read(rtf_bytes(source))


class _RtfDocument:
    """One pass over the tokens of a document."""

    def __init__(self, pages: PageWriter) -> None:
        self._pages = pages
        self._state = RtfState()
        self._stack: list[RtfState] = []
        self._default_codec = "cp1252"
        self._font = 0
        self._font_names: dict[int, str] = defaultdict(str)
        self._font_codecs: dict[int, str] = {}
        self._field = RtfField()
        self._style_levels: dict[int, int] = {}
        self._style = 0
        self._destinations = Destinations()
        self._bytes = bytearray()
        self._to_skip = 0
        self._starred = False
        self._table = RtfTable()
        self._is_item = False
        self._words: dict[str, Callable[[int | None], None]] = {
            **dict.fromkeys(("par", "sect"), lambda _: self._paragraph()),
            "page": lambda _: self._turn_page(),
            "cell": lambda _: self._cell(),
            **dict.fromkeys(("nestcell", "nestrow"), lambda _: self._text(" ")),
            "row": lambda _: self._table.end_row(),
            "trowd": lambda _: self._table.merges.clear(),
            "clmrg": lambda _: self._table.merge(across=True),
            "clvmrg": lambda _: self._table.merge(down=True),
            "cellx": lambda _: self._table.define_cell(),
            "pard": lambda _: self._set(level=0, in_table=False),
            "plain": lambda _: self._plain(),
            "intbl": lambda _: self._set(in_table=True),
            "nosupersub": lambda _: self._set(position=""),
            "outlinelevel": self._outline,
            "s": self._styled,
            "f": self._set_font,
            "fcharset": self._charset,
            "ansicpg": lambda number: self._set_default(of_code_page(number or 1252)),
            "uc": lambda number: self._set(skip_after_unicode=max(0, min(number or 0, 16))),
            "u": self._unicode,
            "ffres": lambda number: setattr(self._field, "result", number),
            "ffdefres": lambda number: setattr(self._field, "default", number),
        }

    def read(self, data: bytes) -> Extraction:
        position = 0
        while match := TOKEN.search(data, position):
            position = match.end()
            word, number, byte, sign, brace, text = match.groups()
            if word == b"bin":
                position += max(0, int(number or 0))
            elif word is not None:
                self._word(word.decode("ascii"), int(number) if number else None)
            elif byte is not None:
                self._byte(bytes.fromhex(byte.decode("ascii")))
            elif text is not None:
                self._byte(text)
            elif brace is not None:
                self._brace(brace)
            else:
                self._sign(sign.decode("latin-1"))
        return self._finished()

    def _finished(self) -> Extraction:
        self._paragraph()
        self._flush_table()
        for text in self._destinations.at_the_end():
            self._pages.put("paragraph", text)
        return self._pages.extraction("kb rtf 1", "document")

    def _set(self, **changes: object) -> None:
        self._flush_bytes()
        self._state = replace(self._state, **changes)  # type: ignore[arg-type]

    def _plain(self) -> None:
        self._set(hidden=False, deleted=False, struck=False, position="")
        self._set(font="", codec=self._default_codec)

    def _brace(self, brace: bytes) -> None:
        self._flush_bytes()
        self._to_skip = 0
        self._starred = False
        if brace == b"{":
            if len(self._stack) >= _DEEPEST:
                raise too_deep()
            self._stack.append(self._state)
        elif self._stack:
            left, self._state = self._state, self._stack.pop()
            if left.link != self._state.link and left.destination == self._state.destination:
                self._pages.losses[LINKS] += self._destinations.end_link(left)
            if left.destination != self._state.destination or left.destination == "style":
                self._leave(left.destination)

    def _leave(self, destination: str) -> None:
        """Take in what a group of its own gathered."""
        if destination == "style":
            if heading := _HEADING_NAME.search(self._destinations.taken("style")):
                self._style_levels.setdefault(self._style, int(heading[1]))
        elif destination == "note":
            self._destinations.end_note()
        elif destination == "label":
            self._is_item = True
            label = self._destinations.taken("label").strip()
            if any(character.isalnum() for character in label):
                self._destinations.add("body", f"{label} ")
        elif destination == "margin":
            self._destinations.end_margin()
        elif destination == "choice":
            self._field.choices.append(self._destinations.taken("choice").strip())
        elif destination == "instruction":
            instruction = self._destinations.taken("instruction")
            shown = self._field.text(instruction)
            self._text(shown)
            link = self._destinations.begin_link(self._state.destination, instruction)
            self._set(field_is_told=bool(shown), link=link)
            self._field = RtfField()

    def _word(self, word: str, number: int | None) -> None:
        if word != "u":
            self._flush_bytes()
        starred, self._starred = self._starred, False
        is_told = word == "fldrslt" and self._state.field_is_told
        if is_told or word in NO_TEXT or (starred and word not in STARRED_TEXT):
            if word in LOST_GROUPS:
                self._pages.losses[LOST_GROUPS[word]] += self._state.destination == "body"
            self._set(destination="skip")
        elif self._state.destination == "skip":
            return
        elif word in DESTINATION_WORDS:
            self._set(destination=DESTINATION_WORDS[word])
        elif word in CHARACTER_SETS:
            self._set_default(CHARACTER_SETS[word])
        elif word in SIGNS:
            self._text(SIGNS[word])
        elif word in TOGGLES:
            name, on, off = TOGGLES[word]
            self._set(**{name: off if number == 0 else on})
        elif (act := self._words.get(word)) is not None:
            act(number)

    def _sign(self, sign: str) -> None:
        if sign == "*":
            self._starred = True
        elif sign in ("\n", "\r"):
            self._word("par", None)
        elif sign in SIGNS:
            self._flush_bytes()
            self._text(SIGNS[sign])

    def _byte(self, data: bytes) -> None:
        if self._to_skip:
            skipped = min(self._to_skip, len(data))
            self._to_skip -= skipped
            data = data[skipped:]
        if self._state.destination != "skip":
            self._bytes += data

    def _unicode(self, number: int | None) -> None:
        self._flush_bytes()
        self._text(chr((number or 0) % 0x10000))
        self._to_skip = self._state.skip_after_unicode

    def _flush_bytes(self) -> None:
        if self._bytes:
            text = self._bytes.decode(self._state.codec, "replace")
            self._bytes.clear()
            self._text(text)

    def _text(self, text: str) -> None:
        state = self._state
        if state.destination == "font":
            self._font_names[self._font] += text
        if state.destination not in DESTINATIONS:
            return
        losses = ((state.deleted, DELETED), (state.hidden, HIDDEN), (state.struck, STRUCK))
        lost = next((name for is_lost, name in losses if is_lost), None)
        if state.destination in UNSEEN:
            self._destinations.add(state.destination, text)
        elif lost is not None:
            self._pages.losses[lost] += len(text)
        else:
            mark = {"super": raised, "sub": lowered}.get(state.position, str)
            self._destinations.add(state.destination, mark(drawn(state.font, text)))

    def _paragraph(self) -> None:
        self._flush_bytes()
        if self._state.destination in ("note", "margin"):
            self._destinations.add(self._state.destination, " ")
        elif self._state.destination == "body" and self._state.in_table:
            self._destinations.add("body", " ")
        elif self._state.destination == "body":
            self._flush_table()
            text = "\n".join(
                line.strip() for line in self._destinations.taken("body").split("\n")
            ).strip()
            level, is_item, self._is_item = self._state.level, self._is_item, False
            if level:
                self._pages.put("heading", " ".join(text.split()), level)
            else:
                self._pages.put("list" if is_item else "paragraph", text)

    def _turn_page(self) -> None:
        if self._state.destination == "body" and not self._state.in_table:
            self._paragraph()
            self._pages.turn_page()

    def _cell(self) -> None:
        self._flush_bytes()
        if self._state.destination == "body":
            self._table.cells.append(one_line(self._destinations.taken("body")))

    def _flush_table(self) -> None:
        rows = self._table.take()
        if rows:
            self._pages.table(rows)

    def _outline(self, number: int | None) -> None:
        level = number + 1 if number is not None and 0 <= number <= 8 else 0
        if self._state.destination == "style":
            self._style_levels[self._style] = level
        else:
            self._set(level=level)

    def _styled(self, number: int | None) -> None:
        self._style = number or 0
        if self._state.destination == "body":
            self._set(level=self._style_levels.get(self._style, 0))

    def _set_font(self, number: int | None) -> None:
        if self._state.destination == "font":
            self._font = number or 0
        else:  # a font that says nothing has the document's own code page
            name = self._font_names[number or 0].partition(";")[0].strip()
            codec = self._font_codecs.get(number or 0, self._default_codec)
            self._set(font=name, codec="latin-1" if name.lower() in SIGN_FONTS else codec)

    def _charset(self, number: int | None) -> None:
        if self._state.destination == "font" and number in FONT_CHARSETS:
            self._font_codecs[self._font] = FONT_CHARSETS[number]

    def _set_default(self, codec: str) -> None:
        self._default_codec = codec
        self._set(codec=codec)
