"""Files that a PDF carries, read like those of a mail: as pages behind its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

import pypdf

from ingest.readers.mail.mail_pages import Attachment, MailPages
from ingest.types import Extraction, ReadOptions

_MOST_BYTES = 64 * 1024 * 1024
_MOST_FILES = 200


def embedded_files(reader: pypdf.PdfReader) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file; damaged ones are passed over."""
    left = _MOST_BYTES
    try:
        for file in islice(reader.attachment_list, _MOST_FILES):
            data = file.content
            left -= len(data)
            if left < 0:
                return
            yield file.alternative_name or file.name, data
    except MemoryError:
        raise
    except Exception:  # a border: pypdf raises anything on damaged ones
        return


def with_files(
    extraction: Extraction, files: Iterable[tuple[str, bytes]], options: ReadOptions
) -> Extraction:
    """The document with the pages of its files after its own."""
    pages = MailPages(options)
    pages.add(extraction)
    pages.add_attachments([Attachment(name, data) for name, data in files], 1)
    return replace(
        extraction,
        pages=tuple(pages.pages),
        blocks=tuple(pages.blocks),
        warnings=(*extraction.warnings, *pages.warnings),
        empty_pages=tuple(page.number for page in pages.pages if not page.text.strip()),
    )
