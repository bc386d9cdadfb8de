"""One reader per format, and the table of them: the whole plug-in system.

A reader is a function `(source, options) -> Extraction` in a module of its own, which is imported
on first use only: the processes that run readers start often and must start fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import BinaryIO, cast

from ingest.sniff import media_types, package_types
from ingest.sniff.audio_types import AUDIO
from ingest.types import Extraction, Reader, ReadOptions
from kb.errors import UnreadableFile


def _lazy(module: str, function: str) -> Reader:
    def read(source: BinaryIO, options: ReadOptions) -> Extraction:
        if not source.read(1):
            raise UnreadableFile("The file is empty: it has no bytes.", reason="empty_file")
        source.seek(0)
        reader = cast(Reader, getattr(import_module(f"{__name__}.{module}"), function))
        try:
            return reader(source, options)
        except RecursionError as exc:
            raise UnreadableFile(
                "The file is nested too deeply to be read. Save it anew.", reason="damaged_file"
            ) from exc

    return read


def _read_recording(_source: BinaryIO, _options: ReadOptions) -> Extraction:
    """Refuses: a reader has no network. `ingest.work.transcribing` hands on a transcript."""
    raise UnreadableFile(
        "It is a recording. Recordings are read only by themselves, and where a server writes down "
        "what is said: set KB_TRANSCRIPTION__BASE_URL, then retry the document.",
        reason="transcription_missing",
    )


READERS: dict[str, Reader] = {
    media_types.PDF: _lazy("pdf.pdf", "read_pdf"),
    media_types.MARKDOWN: _lazy("web.markdown", "read_markdown"),
    media_types.HTML: _lazy("web.html", "read_html"),
    media_types.CSV: _lazy("plain.delimited", "read_delimited"),
    media_types.PLAIN: _lazy("plain.text", "read_text"),
    media_types.MAIL: _lazy("mail.mail", "read_mail"),
    media_types.MAILBOX: _lazy("mail.mail", "read_mailbox"),
    media_types.WEB_ARCHIVE: _lazy("mail.web_archive", "read_web_archive"),
    media_types.OUTLOOK: _lazy("mail.outlook", "read_outlook"),
    media_types.JSON: _lazy("plain.json_records", "read_json"),
    media_types.JSON_LINES: _lazy("plain.json_records", "read_json_lines"),
    media_types.XML: _lazy("plain.xml_records", "read_xml"),
    media_types.XML_WORKBOOK: _lazy("sheets.xml_workbook", "read_xml_workbook"),
    media_types.PROPERTIES: _lazy("plain.source_code", "read_properties"),
    media_types.SUBRIP: _lazy("plain.subtitles", "read_subtitles"),
    media_types.WEBVTT: _lazy("plain.subtitles", "read_subtitles"),
    media_types.SOURCE_CODE: _lazy("plain.source_code", "read_source_code"),
    media_types.CONFIGURATION: _lazy("plain.source_code", "read_configuration"),
    package_types.DOCX: _lazy("office.docx", "read_docx"),
    package_types.PPTX: _lazy("office.pptx", "read_pptx"),
    package_types.XLSX: _lazy("sheets.xlsx", "read_xlsx"),
    **dict.fromkeys(
        (package_types.XLS, package_types.XLSB),
        _lazy("sheets.binary_workbook", "read_binary_workbook"),
    ),
    package_types.EPUB: _lazy("web.epub", "read_epub"),
    package_types.RTF: _lazy("office.rtf", "read_rtf"),
    **dict.fromkeys(
        (package_types.ODT, package_types.ODP, package_types.ODS), _lazy("office.odf", "read_odf")
    ),
    **dict.fromkeys(media_types.PICTURES, _lazy("pdf.picture", "read_picture")),
    **dict.fromkeys(AUDIO, _read_recording),
}
