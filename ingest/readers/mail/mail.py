"""EML files and mbox mailboxes, through the standard library's parser.

A mail's first page has its headers and its body: the plain one, or the HTML one where there is
none or the plain one is a stub. See `ingest.readers.mail.letters` for what happens to attachments.
"""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from email.message import Message
from typing import BinaryIO

from ingest.page_text import no_text
from ingest.readers.mail.letters import DEEPEST, Attachment, Booklet, Letter
from ingest.readers.mail.mail_parts import RawHeaders, content, file_name, header, leaves, text_of
from ingest.sniff.encodings import decode
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile

PARSER = "kb mail 1"

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_MAILBOX_LINE = re.compile(rb"(?:\A|(?<=\n))From \S+[ \t].*\d{4}.*\r?\n")
_QUOTED_FROM = re.compile(rb"(?m)^>(>*From )")


def read_mail(source: BinaryIO, options: ReadOptions) -> Extraction:
    """A mail as pages: the mail itself, then what is attached to it.

    Raises:
        UnreadableFile: no text (reason `no_text`), damaged, too long.
    """
    data = _bytes(source)
    message = _parsed(data)
    if not message.keys():
        raise UnreadableFile(
            "The file is no mail: it does not begin with header lines.", reason="damaged_file"
        )
    return _extraction([_letter(message, options.depth)], options)


def read_mailbox(source: BinaryIO, options: ReadOptions) -> Extraction:
    """A mailbox as pages, mail after mail.

    Raises:
        UnreadableFile: no mail in it (reason `no_text`), damaged, too long.
    """
    data = _bytes(source)
    letters = [_letter(_parsed(mail), options.depth) for mail in _mails(data)]
    if not letters:
        raise no_text("mailbox")
    return _extraction(letters, options)


def _mails(data: bytes) -> Iterator[bytes]:
    """The mails of a mailbox; what stands before the first separator counts as one."""
    begin = 0
    for separator in _MAILBOX_LINE.finditer(data):
        if data[begin : separator.start()].strip():
            yield _QUOTED_FROM.sub(rb"\1", data[begin : separator.start()])
        begin = separator.end()
    if data[begin:].strip():
        yield _QUOTED_FROM.sub(rb"\1", data[begin:])


def _extraction(letters: list[Letter], options: ReadOptions) -> Extraction:
    booklet = Booklet(options)
    for letter in letters:
        booklet.add_letter(letter)
    if not booklet.has_text:
        raise no_text("mail")
    return Extraction(
        pages=tuple(booklet.pages),
        blocks=tuple(booklet.blocks),
        encoding=None,
        encoding_confidence=None,
        parser=PARSER,
        warnings=tuple(booklet.warnings),
        empty_pages=booklet.empty_pages(),
    )


def _bytes(source: BinaryIO) -> bytes:
    data = source.read()
    if not data:
        raise UnreadableFile("The file is empty: it has no bytes.", reason="empty_file")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\x00" in data[:200]:
        return decode(data).text.encode()  # saved as UTF-16 by an editor
    return data.removeprefix(b"\xef\xbb\xbf")


def _parsed(data: bytes) -> Message:
    try:
        return email.message_from_bytes(data, policy=RawHeaders())
    except (RecursionError, ValueError, LookupError, AttributeError, TypeError) as exc:
        raise UnreadableFile(
            f"The mail is damaged ({type(exc).__name__}). Save it anew from a mail program.",
            reason="damaged_file",
        ) from exc


def _letter(message: Message, depth: int) -> Letter:
    headers = tuple((name, header(message, name.lower())) for name in _SHOWN)
    letter = Letter(
        subject=header(message, "subject"),
        headers=tuple((name, value) for name, value in headers if value),
    )
    for part, is_alternative in leaves(message):
        _sort_in(letter, part, depth, is_alternative=is_alternative)
    return letter


def _sort_in(letter: Letter, part: Message, depth: int, *, is_alternative: bool) -> None:
    """Put a part where it belongs: body, attachment or enclosed mail."""
    kind = part.get_content_type()
    if kind.startswith("multipart/"):  # its boundary is missing or never comes
        kind = "text/plain"
    name = file_name(part)
    if kind in ("message/rfc822", "message/global") and part.is_multipart():
        _enclose(letter, part, depth)
    elif kind in ("text/plain", "text/html") and part.get_content_disposition() != "attachment":
        if kind == "text/plain" and name and letter.plain:
            letter.attachments.append(Attachment(name, content(part)))
        else:
            _add_body(letter, part, kind, is_alternative=is_alternative)
    elif (data := content(part)).strip():
        inline = part.get_content_disposition() != "attachment" and "content-id" in part
        name = name or f"attachment.{'eml' if 'rfc822' in kind else part.get_content_subtype()}"
        letter.attachments.append(Attachment(name, data, inline))


def _add_body(letter: Letter, part: Message, kind: str, *, is_alternative: bool) -> None:
    text, warning = text_of(part)
    if warning:
        letter.warnings.append(warning)
    if kind == "text/plain":
        letter.plain = f"{letter.plain}\n\n{text}" if letter.plain else text
    elif letter.plain.strip() and not is_alternative:
        letter.attachments.append(Attachment(file_name(part) or "text.html", text.encode()))
    else:
        assert isinstance(letter.html, str)
        letter.html = f"{letter.html}\n{text}" if letter.html else text


def _enclose(letter: Letter, part: Message, depth: int) -> None:
    inner = part.get_payload(0)
    if depth >= DEEPEST or not isinstance(inner, Message):
        letter.warnings.append("A mail within the mail was not read: it lies too deep.")
        return
    letter.enclosed.append(_letter(inner, depth + 1))
