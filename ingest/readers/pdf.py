"""PDF files, through pypdf. Scanned pages hold no text and are listed as empty: no OCR here.

The parser is treated as hostile ground: its own limits are tightened below, and it runs in a child
process that can be killed. A page that cannot be read is a warning, not a dead document.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import BinaryIO

import pypdf
from pypdf.errors import DependencyError, PyPdfError

from ingest.page_text import check_length, normalise, scrub_warnings
from ingest.readers.text import text_blocks
from ingest.types import Block, Extraction, ReadOptions
from kb.errors import UnreadableFile
from kb.types import Page

_MIB = 1024 * 1024
_LIMITS = pypdf.Configuration(
    maximum_declared_stream_length=64 * _MIB,
    array_based_stream_maximum_output_length=16 * _MIB,
    zlib_maximum_output_length=16 * _MIB,
    lzw_maximum_output_length=16 * _MIB,
    run_length_maximum_output_length=16 * _MIB,
    brotli_maximum_output_length=16 * _MIB,
    stream_decoding_work_maximum_length=64 * _MIB,
    stream_parsing_work_maximum_count=500_000,
    page_tree_maximum_entries=20_000,
    xform_maximum_invocations_per_extraction=500,
    jbig2dec_binary=None,
)
"""Far above what printed pages need, far below what bombs want."""

_GARBLED = re.compile(
    r"[\ufffd\ue000-\uf8ff\x00-\x08\x0e-\x1f]|\(cid:\d+\)|/g\d+\b|/uni[0-9A-F]{4}"
)
_GARBLED_SHARE = 0.3
_SENTENCE_END = re.compile(r"[.!?:。！？：…”\"]$")
_PAGES_NAMED = 10


def read_pdf(source: BinaryIO, options: ReadOptions) -> Extraction:
    """One page per PDF page, numbered from 1 as in the file, whatever numbers are printed on it.

    Raises:
        UnreadableFile: reason `password_required`, `damaged_file`, `no_text` or `too_large`.
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    with pypdf.apply_configuration(_LIMITS):
        try:
            pages, failed, scrubbed = _pages(_opened(source), options)
        except (PyPdfError, RecursionError) as exc:
            raise _damaged(exc) from exc
    if not any(page.text.strip() for page in pages):
        raise _without_text(len(pages), failed)
    garbled = [page.number for page in pages if _is_garbled(page.text)]
    return Extraction(
        pages=tuple(pages),
        blocks=tuple(block for page in pages for block in _blocks(page)),
        encoding=None,
        encoding_confidence=None,
        parser=f"pypdf {version('pypdf')}",
        warnings=(
            *_naming("could not be read and count as empty", failed),
            *_naming("look garbled: their fonts do not say which characters they draw", garbled),
            *scrub_warnings(scrubbed),
        ),
        empty_pages=tuple(page.number for page in pages if not page.text.strip()),
    )


def _opened(source: BinaryIO) -> pypdf.PdfReader:
    try:
        reader = pypdf.PdfReader(source, strict=False)
        if reader.is_encrypted and reader.decrypt("") == pypdf.PasswordType.NOT_DECRYPTED:
            raise _locked()
    except DependencyError as exc:
        raise UnreadableFile(
            "The PDF is encrypted with AES, which needs the `cryptography` package. Install it, "
            "or save the PDF without encryption.",
            reason="password_required",
        ) from exc
    except PyPdfError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError) as exc:
        # pypdf lets these through where a damaged file does not have the shape it expects.
        raise _damaged(exc) from exc
    return reader


def _pages(reader: pypdf.PdfReader, options: ReadOptions) -> tuple[list[Page], list[int], int]:
    """Pages, numbers of those that failed, and characters that were scrubbed."""
    pages: list[Page] = []
    failed: list[int] = []
    characters = scrubbed = 0
    for number in range(1, _page_count(reader) + 1):
        try:
            text, dropped = normalise(reader.pages[number - 1].extract_text())
        except MemoryError:
            raise
        except Exception:  # a page is a border of its own: pypdf raises anything on damaged ones
            failed.append(number)
            text, dropped = "", 0
        scrubbed += dropped
        characters += len(text)
        check_length(characters, options)
        pages.append(Page(number, text))
    return pages, failed, scrubbed


def _page_count(reader: pypdf.PdfReader) -> int:
    try:
        count = len(reader.pages)
    except PyPdfError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as exc:
        raise _damaged(exc) from exc
    if count == 0:
        raise UnreadableFile("The PDF has no pages.", reason="damaged_file")
    return count


def _blocks(page: Page) -> Iterator[Block]:
    """Paragraphs and headings; a line that looks like a heading is one only after a sentence."""
    before = 0
    for block in text_blocks(page.number, page.text):
        if block.kind == "heading" and not _may_start(page.text[before : block.start]):
            block = Block(page.number, block.start, block.end, "paragraph")
        before = block.start
        yield block


def _may_start(text_before: str) -> bool:
    line = text_before.rstrip(" ").removesuffix("\n")
    return not line.strip() or line.endswith("\n") or bool(_SENTENCE_END.search(line.rstrip()))


def _is_garbled(text: str) -> bool:
    bad = sum(len(match[0]) for match in _GARBLED.finditer(text))
    return bad > _GARBLED_SHARE * max(1, len(text.replace(" ", "")))


def _naming(what: str, numbers: list[int]) -> tuple[str, ...]:
    if not numbers:
        return ()
    named = ", ".join(str(number) for number in numbers[:_PAGES_NAMED])
    more = f" and {len(numbers) - _PAGES_NAMED} more" if len(numbers) > _PAGES_NAMED else ""
    return (f"Pages {named}{more} {what}.",)


def _locked() -> UnreadableFile:
    return UnreadableFile(
        "The PDF asks for a password. Save a copy without one and upload that.",
        reason="password_required",
    )


def _damaged(exc: Exception) -> UnreadableFile:
    return UnreadableFile(
        f"The PDF is damaged ({type(exc).__name__}). Open it in a viewer and save it anew.",
        reason="damaged_file",
    )


def _without_text(pages: int, failed: list[int]) -> UnreadableFile:
    if len(failed) == pages:
        return UnreadableFile(
            f"None of the {pages} pages of the PDF could be read: it is damaged.",
            reason="damaged_file",
        )
    return UnreadableFile(
        f"None of the {pages} pages of the PDF holds text. Was it scanned? Run OCR on it first: "
        "pictures of text are not read.",
        reason="no_text",
    )
