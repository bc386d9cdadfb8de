"""One reader per format, and the table of them: the whole plug-in system.

A reader is a function `(source, options) -> Extraction` in a module of its own, which is imported
on first use only: the processes that run readers start often and must start fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import BinaryIO, cast

from ingest import media_types
from ingest.types import Extraction, Reader, ReadOptions


def _lazy(module: str, function: str) -> Reader:
    def read(source: BinaryIO, options: ReadOptions) -> Extraction:
        reader = cast(Reader, getattr(import_module(f"{__name__}.{module}"), function))
        return reader(source, options)

    return read


READERS: dict[str, Reader] = {
    media_types.PDF: _lazy("pdf", "read_pdf"),
    media_types.MARKDOWN: _lazy("markdown", "read_markdown"),
    media_types.HTML: _lazy("html", "read_html"),
    media_types.CSV: _lazy("delimited", "read_delimited"),
    media_types.PLAIN: _lazy("text", "read_text"),
}
