"""What readers hand on: pages of final text, and spans over them that say what each part is.

Page text is Unicode NFC with `\\n` line ends and is never changed after a reader returned it: every
span of a block, a removal or a chunk counts its characters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Literal

from kb.types import Page

BlockKind = Literal["heading", "paragraph", "list", "table", "code"]

DEFAULT_MAX_CHARACTERS = 20_000_000


@dataclass(frozen=True, slots=True)
class Block:
    """Characters `start` to `end` (exclusive) of a page and what they are.

    `level` is for headings, 1 outermost; other kinds have 0. Blocks are in reading order and do
    not overlap; text between two blocks is treated as a paragraph, so none is lost.
    """

    page: int
    start: int
    end: int
    kind: BlockKind
    level: int = 0


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
    """How to read: `encoding` overrides detection; longer documents than `max_characters` fail."""

    encoding: str | None = None
    max_characters: int = DEFAULT_MAX_CHARACTERS


@dataclass(frozen=True, slots=True)
class Removal:
    """Characters of a page that a cleaning rule keeps out of `index_text`."""

    rule: str
    page: int
    start: int
    end: int


Reader = Callable[[BinaryIO, ReadOptions], Extraction]
"""Reads one file from its beginning; raises UnreadableFile with a reason."""
