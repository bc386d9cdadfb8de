"""What readers hand on: pages of final text, and spans over them that say what each part is.

Page text is Unicode NFC with `\\n` line ends and is never changed after a reader returned it: every
span of a block, a removal or a chunk counts its characters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from kb.types import Block, Page

DEFAULT_MAX_CHARACTERS = 20_000_000
DEFAULT_OCR_LANGUAGES = "eng+chi_sim"
DEFAULT_OCR_SECONDS = 40.0


@dataclass(frozen=True, slots=True)
class Extraction:
    """All that a reader got out of a file, and what it could not get.

    `encoding` and `encoding_confidence` (0 to 1) are None for formats that carry their own.
    `empty_pages` are numbers of pages that hold no text.
    """

    pages: tuple[Page, ...]
    blocks: tuple[Block, ...]
    encoding: str | None
    encoding_confidence: float | None
    parser: str
    warnings: tuple[str, ...] = ()
    empty_pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read: `encoding` overrides detection; longer documents than `max_characters` fail.

    `ocr_languages` are those of an OCR engine, joined by `+`; what is not installed is left out.
    `ocr_seconds` is the time after which no further picture is begun. `depth` counts the files
    that this one lies in: a mail attached to a mail has 1.
    """

    encoding: str | None = None
    max_characters: int = DEFAULT_MAX_CHARACTERS
    ocr_languages: str = DEFAULT_OCR_LANGUAGES
    ocr_seconds: float = DEFAULT_OCR_SECONDS
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Removal:
    """Characters of a page that a rule keeps out of `index_text`, where `instead` replaces them."""

    rule: str
    page: int
    start: int
    end: int
    instead: str = ""


Reader = Callable[[BinaryIO, ReadOptions], Extraction]
"""Reads one file from its beginning; raises UnreadableFile with a reason."""
