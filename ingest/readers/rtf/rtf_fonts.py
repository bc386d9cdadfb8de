"""The fonts of an RTF document, as far as they say which code page its bytes are in."""

from __future__ import annotations

from ingest.readers.rtf.rtf_words import of_charset


class Fonts:
    """Font numbers and their codecs; a font that says nothing has the document's own."""

    def __init__(self) -> None:
        self.default = "cp1252"
        self._codecs: dict[int, str] = {}
        self._defined = 0

    def define(self, number: int | None) -> None:
        """The font that the table speaks of from now on."""
        self._defined = number or 0

    def set_charset(self, number: int | None) -> None:
        """The character set of the font that is being defined; 0 is nobody's choice."""
        codec = of_charset(number or 0)
        if codec is not None and number:
            self._codecs[self._defined] = codec

    def codec(self, number: int | None) -> str:
        """What text in a font is decoded with."""
        return self._codecs.get(number or 0, self.default)
