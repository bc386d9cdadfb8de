"""Web archives (MHT, MHTML): a page with its pictures in the form of a mail, as browsers save it
and Confluence exports it under the ending `.doc`. The page is read as the HTML it is.
"""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import BinaryIO

from ingest.readers import READERS
from ingest.readers.mail.mail import leaves, parsed_mail_file, text_of
from ingest.readers.pages import EMBEDDED, no_text
from ingest.sniff.media_types import HTML
from ingest.types import Extraction, ReadOptions


def read_web_archive(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The first page of the archive; further ones, frames mostly, are counted.

    Raises:
        UnreadableFile: no page or no text in it, damaged, too long.
    """
    parts = (part for part, _ in leaves(parsed_mail_file(source)))
    pages = [part for part in parts if part.get_content_type() == "text/html"]
    if not pages:
        raise no_text("web archive")
    text, warning = text_of(pages[0])
    page = BytesIO(text.encode("utf-8", "replace"))
    found = READERS[HTML](page, replace(options, encoding="utf-8"))
    frames = f"{EMBEDDED}: {len(pages) - 1}." if pages[1:] else None
    told = tuple(filter(None, (warning, frames)))
    return replace(
        found, encoding=None, encoding_confidence=None, warnings=(*found.warnings, *told)
    )
