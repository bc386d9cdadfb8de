"""Word documents of a few paragraphs, and what the reader makes of them."""

from __future__ import annotations

from io import BytesIO

from ingest.readers.office.docx import read_docx
from ingest.types import Extraction, ReadOptions
from tests.ingest.readers.office_samples import docx

STYLES = (
    '<w:style w:styleId="T"><w:name w:val="Title"/></w:style>'
    '<w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:styleId="H2"><w:name w:val="heading 2"/><w:basedOn w:val="H1"/></w:style>'
    '<w:style w:styleId="Own"><w:name w:val="Kapitel"/><w:basedOn w:val="H2"/></w:style>'
    '<w:style w:styleId="Secret"><w:name w:val="x"/><w:rPr><w:vanish/></w:rPr></w:style>'
)


def read(body: str, **parts: str) -> Extraction:
    return read_docx(BytesIO(docx(body, parts)), ReadOptions())


def blocks(extraction: Extraction) -> list[tuple[str, int, str]]:
    texts = {page.number: page.text for page in extraction.pages}
    return [
        (block.kind, block.level, texts[block.page][block.start : block.end])
        for block in extraction.blocks
    ]


def lines(extraction: Extraction) -> list[str]:
    return [text for _, _, text in blocks(extraction)]


def run(text: str, properties: str = "") -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"
