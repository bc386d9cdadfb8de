"""PDF files: pypdf opens them and reads what lies on the pages, PDFium says where the words stand.

Pages of which PDFium has no clean text go to pypdf, and then to OCR where that is installed
(`ingest.readers.pdf.pdf_fallback`); where not, they are listed, never passed over.

The parser is treated as hostile ground: its own limits are tightened below, and it runs in a child
process that can be killed. A page that cannot be read is a warning, not a dead document.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import BinaryIO

import pypdf
from pypdf.errors import DependencyError, PyPdfError

from ingest.readers.link_targets import LINKS
from ingest.readers.pages import HIDDEN, PICTURES, PageWriter, check_length, enumerated
from ingest.readers.pdf.annotations import Annotations, annotations_of, put_links, shown_otherwise
from ingest.readers.pdf.attachments import embedded_files, with_files
from ingest.readers.pdf.ocr import HOW_TO_INSTALL
from ingest.readers.pdf.page_parts import PageParts, is_as_good, laid_out, write_pages
from ingest.readers.pdf.pdf_fallback import FallbackReaders, clean_text, is_garbled
from ingest.readers.pdf.pdfium import PdfiumFile
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile

_DAMAGED = "Form fields and notes that are damaged"
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


def read_pdf(source: BinaryIO, options: ReadOptions) -> Extraction:
    """One page per PDF page, numbered from 1 as in the file, whatever numbers are printed on it.

    Raises:
        UnreadableFile: reason `password_required`, `damaged_file`, `no_text` or `too_large`.
    """
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    pdfium = PdfiumFile(source)
    try:
        return _read(source, pdfium, options)
    finally:
        pdfium.close()


@dataclass(slots=True)
class _Found:
    """What was read: pages, files, numbers of pages that failed or are garbled."""

    pages: list[PageParts] = field(default_factory=list)
    files: list[tuple[str, bytes]] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    garbled: list[int] = field(default_factory=list)
    pictures: int = 0
    cropped: int = 0
    is_laid_out: bool = False


def _read(source: BinaryIO, pdfium: PdfiumFile, options: ReadOptions) -> Extraction:
    fallback = FallbackReaders(pdfium, options)
    with pypdf.apply_configuration(_LIMITS):
        reader, count = _opened_by_either(source, pdfium)
        found = _pages(reader, count, pdfium, fallback, options)
        if reader is not None:
            found.files.extend(embedded_files(reader))
        otherwise = tuple(shown_otherwise(reader))
    writer = PageWriter(options)
    writer.losses[PICTURES] = found.pictures
    writer.losses[HIDDEN] = found.cropped
    writer.losses[LINKS] = sum(page.notes.untold for page in found.pages)
    writer.losses[_DAMAGED] = sum(page.notes.damaged for page in found.pages)
    write_pages(writer, found.pages, pdfium.outline() if found.is_laid_out else ())
    if not writer.blocks and not found.files:
        raise _without_text(count, found.failed, fallback)
    extraction = writer.extraction(
        ", ".join(fallback.names()),
        "PDF",
        (
            *_naming("could not be read and count as empty", found.failed),
            *_naming(
                "look garbled: their fonts do not say which characters they draw", found.garbled
            ),
            *_naming("were read by OCR: characters may be wrong", fallback.recognised),
            *_naming("hold a picture, but OCR had no time left for it", fallback.late),
            *fallback.warnings(),
            *otherwise,
        ),
    )
    return with_files(extraction, found.files, options) if found.files else extraction


def _opened_by_either(source: BinaryIO, pdfium: PdfiumFile) -> tuple[pypdf.PdfReader | None, int]:
    """The file and its count of pages; no reader if only PDFium makes sense of it."""
    try:
        reader = _opened(source)
        return reader, _page_count(reader)
    except UnreadableFile as exc:
        if exc.code != "damaged_file" or not pdfium.page_count():
            raise
    except (PyPdfError, RecursionError) as exc:
        if not pdfium.page_count():
            raise _damaged(exc) from exc
    return None, pdfium.page_count()


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


def _pages(
    reader: pypdf.PdfReader | None,
    count: int,
    pdfium: PdfiumFile,
    fallback: FallbackReaders,
    options: ReadOptions,
) -> _Found:
    found = _Found()
    characters = 0
    for number in range(1, count + 1):
        notes = _annotations_of(reader, number)
        geometry = pdfium.geometry(number - 1)
        clean = clean_text(geometry)
        # Judged before it is normalised: NULs stand for characters that a font does not name.
        first = clean or _text_of(reader, number)
        best = clean or fallback.best_text(first or "", geometry, number)
        page = PageParts(best, notes)
        if geometry is not None:
            found.pictures += 0 if number in fallback.recognised else geometry.pictures
            found.cropped += geometry.cropped
        if geometry is not None and (clean or is_as_good(geometry, best)):
            page.elements, found.is_laid_out = laid_out(geometry, notes), True
        else:
            put_links(None, notes)
        if is_garbled(best):
            found.garbled.append(number)
        if first is None and not best.strip():
            found.failed.append(number)
        characters += len(best)
        check_length(characters, options)
        found.files.extend(notes.files)
        found.pages.append(page)
    return found


def _annotations_of(reader: pypdf.PdfReader | None, number: int) -> Annotations:
    if reader is None:
        return Annotations()
    try:
        return annotations_of(reader.pages[number - 1])
    except MemoryError:
        raise
    except Exception:  # a border, as for text
        return Annotations()


def _text_of(reader: pypdf.PdfReader | None, number: int) -> str | None:
    """What pypdf reads on a page, None if it fails."""
    if reader is None:
        return None
    try:
        return reader.pages[number - 1].extract_text()
    except MemoryError:
        raise
    except Exception:  # a page is a border of its own: pypdf raises anything on damaged ones
        return None


def _page_count(reader: pypdf.PdfReader) -> int:
    try:
        count = len(reader.pages)
    except PyPdfError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as exc:
        raise _damaged(exc) from exc
    if count == 0:
        raise UnreadableFile("The PDF has no pages. Save it anew.", reason="damaged_file")
    return count


def _naming(what: str, numbers: list[int]) -> tuple[str, ...]:
    if not numbers:
        return ()
    named = enumerated([str(number) for number in numbers])
    return (f"{'Page' if len(numbers) == 1 else 'Pages'} {named} {what}.",)


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


def _without_text(pages: int, failed: list[int], fallback: FallbackReaders) -> UnreadableFile:
    if len(failed) == pages:
        return UnreadableFile(
            f"No page of the PDF ({pages} in all) could be read: it is damaged. "
            "Open it in a viewer and save it anew.",
            reason="damaged_file",
        )
    if fallback.late:
        return UnreadableFile(
            f"No page of the PDF ({pages} in all) holds text, and OCR did not finish in time. "
            "Split it into smaller files, or raise KB_INGEST__READ_TIMEOUT_S.",
            reason="read_timeout",
        )
    scanned = "OCR found none either. Scan it more sharply, or upload its text as another file."
    tried = scanned if fallback.has_engine else f"{HOW_TO_INSTALL}."
    return UnreadableFile(
        f"No page of the PDF ({pages} in all) holds text. Was it scanned? {tried}",
        reason="no_text",
    )
