"""A mail as its reader sees it, whatever file it came in, and how it becomes pages.

The first page holds the headers and the body; what was attached follows as further pages under its
name, read by the reader of its own format. What cannot be read is named in a warning, never
dropped in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO

from ingest.readers import READERS
from ingest.readers.pages import check_length, no_text, normalise
from ingest.readers.plain.text import text_blocks
from ingest.sniff.media_types import HEAD_BYTES, HTML, PICTURES, sniff
from ingest.types import Extraction, ReadOptions
from kb.errors import Rejected, UnreadableFile
from kb.types import Block, BlockKind, Page

DEEPEST = 5
"""Mails within mails within mails; deeper ones are named in a warning."""
_MOST_ATTACHMENTS = 200
_LONGEST_NAME = 100
_SHORT_PLAIN = 0.2
"""A plain body this much shorter than the HTML one only says that there is an HTML one."""
_LONG_ENOUGH_PLAIN = 500

Head = tuple[BlockKind, str, int]
"""Kind, text and heading level of a block that is put in front of a page."""


@dataclass(slots=True)
class Attachment:
    """A file in a mail. `inline` pictures belong to the HTML body: logos, mostly."""

    name: str
    data: bytes
    inline: bool = False


@dataclass(slots=True)
class ParsedMail:
    """A mail taken apart. `html` is decoded or bytes with a charset of their own."""

    subject: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    plain: str = ""
    html: str | bytes = ""
    attachments: list[Attachment] = field(default_factory=list)
    enclosed: list[ParsedMail] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


class MailPages:
    """Pages from several readers under one numbering."""

    def __init__(self, options: ReadOptions) -> None:
        self._options = options
        self._length = 0
        self.pages: list[Page] = []
        self.blocks: list[Block] = []
        self.has_text = False
        self.warnings: list[str] = []

    def add_mail(self, mail: ParsedMail, level: int = 1) -> None:
        """Write a mail: its own page or pages, then those of what is in it."""
        title = mail.subject or "(no subject)"
        self.has_text = self.has_text or bool(mail.headers)
        headers = "\n".join(f"{name}: {value}" for name, value in mail.headers if value)
        heads: list[Head] = [("heading", title, level)]
        if headers:
            heads.append(("list", headers, 0))
        self.warnings.extend(mail.warnings)
        self._add_pages(heads, self._body(mail), level)
        for inner in mail.enclosed:
            self.add_mail(inner, level + 1)
        self.add_attachments(mail.attachments, level + 1)

    def extraction(self, parser: str) -> Extraction:
        """All pages. Raises UnreadableFile: reason `no_text`."""
        if not self.has_text:
            raise no_text("mail")
        return Extraction(
            pages=tuple(self.pages),
            blocks=tuple(self.blocks),
            encoding=None,
            encoding_confidence=None,
            parser=parser,
            warnings=tuple(self.warnings),
            empty_pages=tuple(page.number for page in self.pages if not page.text.strip()),
        )

    def _body(self, mail: ParsedMail) -> Extraction | None:
        plain, _ = normalise(mail.plain)
        html = self._html(mail) if mail.html and _is_short(plain, mail) else None
        if html is not None:
            return html
        if not plain.strip():
            return None
        plain = plain.strip("\n")
        return Extraction((Page(1, plain),), tuple(text_blocks(1, plain)), None, None, "")

    def _html(self, mail: ParsedMail) -> Extraction | None:
        source = mail.html.encode() if isinstance(mail.html, str) else mail.html
        encoding = "utf-8" if isinstance(mail.html, str) else None
        try:
            return READERS[HTML](BytesIO(source), self._inner_options(encoding))
        except UnreadableFile as exc:
            if exc.code == "too_large":
                raise
            return None

    def add(self, extraction: Extraction) -> None:
        """Append the pages of a document that files belong to."""
        self._add_pages((), extraction, 0)

    def add_attachments(self, attachments: Sequence[Attachment], level: int) -> None:
        """Append the pages of files under their names; what is not read becomes a warning."""
        pictures = 0
        for attachment in attachments[:_MOST_ATTACHMENTS]:
            if attachment.inline and _is_picture(attachment):
                pictures += 1
                continue
            self._add_attachment(attachment, level)
        if pictures:
            self.warnings.append(f"{pictures} pictures within the text were not read.")
        if len(attachments) > _MOST_ATTACHMENTS:
            self.warnings.append(
                f"Only the first {_MOST_ATTACHMENTS} of {len(attachments)} attachments were read."
            )

    def _add_attachment(self, attachment: Attachment, level: int) -> None:
        name = shown_name(attachment.name)
        try:
            if self._options.depth >= DEEPEST:
                raise UnreadableFile("It lies too deep within other mails. Upload it by itself.")
            media_type = sniff(attachment.data[:HEAD_BYTES], name)
            options = self._inner_options(None)
            extraction = READERS[media_type](BytesIO(attachment.data), options)
        except Rejected as exc:
            if exc.code == "too_large":
                raise
            size = -(-len(attachment.data) // 1024)
            why = exc.detail.partition(" Files that are read")[0]
            self.warnings.append(f"Attachment {name!r} ({size} KiB) was not read: {why}")
            return
        self._add_pages([("heading", name, level)], extraction, level)
        self.warnings.extend(f"{name}: {warning}" for warning in extraction.warnings)

    def _inner_options(self, encoding: str | None) -> ReadOptions:
        left = self._options.max_characters - self._length
        depth = self._options.depth + 1
        return replace(self._options, encoding=encoding, max_characters=max(1, left), depth=depth)

    def _add_pages(self, heads: Iterable[Head], extraction: Extraction | None, level: int) -> None:
        """Append pages; the heads go onto the first, headings of the pages go below `level`."""
        pages = extraction.pages if extraction is not None else (Page(1, ""),)
        blocks = extraction.blocks if extraction is not None else ()
        self.has_text = self.has_text or any(page.text.strip() for page in pages)
        for index, page in enumerate(pages):
            number = len(self.pages) + 1
            text = self._write_heads(heads, number) if index == 0 else ""
            if text and page.text:
                text += "\n\n"
            self.blocks.extend(
                Block(
                    number,
                    len(text) + block.start,
                    len(text) + block.end,
                    block.kind,
                    block.level + level if block.kind == "heading" else 0,
                )
                for block in blocks
                if block.page == page.number
            )
            self._length += len(text) + len(page.text)
            check_length(self._length, self._options)
            self.pages.append(Page(number, text + page.text))

    def _write_heads(self, heads: Iterable[Head], number: int) -> str:
        text = ""
        for kind, raw, level in heads:
            part, _ = normalise(raw)
            part = part.strip()
            if part:
                text += "\n\n" if text else ""
                self.blocks.append(Block(number, len(text), len(text) + len(part), kind, level))
                text += part
        return text


def shown_name(name: str) -> str:
    """A file name that can stand in a heading and a warning."""
    clean, _ = normalise(name)
    printable = "".join(sign if sign.isprintable() else " " for sign in clean)
    return " ".join(printable.split())[-_LONGEST_NAME:].strip() or "attachment"


def _is_short(plain: str, mail: ParsedMail) -> bool:
    """Whether the HTML body has to be read because the plain one says too little."""
    length = len(plain.strip())
    if not length:
        return True
    return length < _LONG_ENOUGH_PLAIN and length < _SHORT_PLAIN * _text_length(mail.html)


def _text_length(html: str | bytes) -> int:
    """Characters of HTML outside tags, roughly."""
    text = html if isinstance(html, str) else html.decode("latin-1")
    body = text[text.lower().find("<body") + 1 :]
    tags = sum(len(part.split(">", 1)[0]) + 2 for part in body.split("<")[1:])
    return max(0, len(" ".join(body.split())) - tags)


def _is_picture(attachment: Attachment) -> bool:
    try:
        return sniff(attachment.data[:HEAD_BYTES], attachment.name) in PICTURES
    except Rejected:
        return False
