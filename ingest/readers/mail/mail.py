"""EML files and mbox mailboxes: RFC 5322, MIME, and what people send.

A mail's first page has its headers and its body: the plain one, or the HTML one where there is
none or the plain one is a stub. Encoded words whose characters are cut in two, raw 8-bit headers,
charsets that lie: all are read. Structure comes from the standard library under its `compat32`
policy, because its newer policy parses every header when asked and raises on malformed ones.
See `ingest.readers.mail.mail_pages` for what happens to attachments.
"""

from __future__ import annotations

import binascii
import email
import quopri
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.message import Message
from email.policy import Compat32
from typing import BinaryIO

from ingest.readers.mail.mail_pages import DEEPEST, Attachment, MailPages, ParsedMail
from ingest.readers.pages import no_text
from ingest.sniff.encodings import decode, decode_declared
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile

_WORD = re.compile(r"=\?([^?\s]*)\?([bBqQ])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(?==\?[^?\s]*\?[bBqQ]\?)")


class RawHeaders(Compat32):
    """The standard library's oldest policy, handing out headers as they stand: raw 8-bit bytes
    stay in them (as surrogates) instead of becoming question marks."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        """The value as it was read."""
        return value


def header(message: Message, name: str) -> str:
    """A header as one line of readable text; several of one name are joined; absent: empty."""
    values = [value for key, value in message.raw_items() if key.lower() == name]
    return ", ".join(filter(None, (_readable(str(value)) for value in values)))


def file_name(part: Message) -> str:
    """The name under which a part was attached, or empty."""
    try:
        raw = part.get_filename() or ""
    except (ValueError, TypeError, LookupError, HeaderParseError):
        raw = ""
    return _readable(str(raw))


def content(part: Message) -> bytes:
    """The bytes of a part, transfer encoding undone as far as it is sound."""
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        payload = None
    if isinstance(payload, bytes):
        return payload
    raw = part.get_payload()
    return raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else b""


def text_of(part: Message) -> tuple[str, str | None]:
    """The text of a text part, and a warning if bytes in it had to be replaced."""
    data = content(part)
    try:
        label = part.get_content_charset()
    except (ValueError, TypeError, LookupError):
        label = None
    return decoded(data, label)


def decoded(data: bytes, label: str | None) -> tuple[str, str | None]:
    """Bytes as text by their label if it can be true, else by what they look like."""
    try:
        found, _ = decode_declared(data, label)
    except UnreadableFile:
        text = data.decode("utf-8", "replace")
        lost = text.count("\ufffd")
        return text, f"{lost} bytes of the body fit no encoding." if lost else None
    if found.replaced:
        return found.text, f"{found.replaced} broken bytes were replaced by U+FFFD."
    return found.text, None


def leaves(message: Message) -> Iterator[tuple[Message, bool]]:
    """The parts to show, in order, and whether each is one of several wordings of the same text.

    Mails that are attached whole are not gone into.
    """
    stack = [(message, False)]
    while stack:
        part, is_alternative = stack.pop()
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            alternative = is_alternative or part.get_content_subtype() == "alternative"
            parts = part.get_payload()
            assert isinstance(parts, list)
            whole = (inner for inner in reversed(parts) if not isinstance(inner, str))
            stack.extend((inner, alternative) for inner in whole)
        else:
            yield part, is_alternative


def _readable(raw: str) -> str:
    """A raw header value as text: 8-bit bytes, folded lines, encoded words."""
    try:
        data = raw.encode("utf-8", "surrogateescape")
        text = raw if data.isascii() else decode(data).text
    except UnreadableFile:
        text = raw.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return " ".join(_without_encoded_words(text).split())


def _without_encoded_words(text: str) -> str:
    """Encoded words of one charset that follow each other are decoded as one: senders cut them
    within characters."""
    text = _BETWEEN_WORDS.sub(r"\1", text)
    parts: list[str] = []
    pending, charset, position = b"", "", 0
    for match in _WORD.finditer(text):
        label = match[1].partition("*")[0].lower()
        if pending and (match.start() > position or label != charset):
            parts.append(decoded(pending, charset)[0])
            pending = b""
        parts.append(text[position : match.start()])
        pending, charset, position = pending + _word_bytes(match[2], match[3]), label, match.end()
    if pending:
        parts.append(decoded(pending, charset)[0])
    return "".join([*parts, text[position:]])


def _word_bytes(encoding: str, body: str) -> bytes:
    data = body.encode("utf-8")
    if encoding in "qQ":
        return quopri.decodestring(data, header=True)
    try:
        return binascii.a2b_base64(data + b"=" * (-len(data) % 4))
    except binascii.Error:
        return data


PARSER = "kb mail 1"

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_MAILBOX_LINE = re.compile(rb"(?:\A|(?<=\n))From \S+[ \t].*\d{4}.*\r?\n")
_QUOTED_FROM = re.compile(rb"(?m)^>(>*From )")


def read_mail(source: BinaryIO, options: ReadOptions) -> Extraction:
    """A mail as pages: the mail itself, then what is attached to it.

    Raises:
        UnreadableFile: no text (reason `no_text`), damaged, too long.
    """
    return _extraction([_parsed_mail(parsed_mail_file(source), options.depth)], options)


def read_mailbox(source: BinaryIO, options: ReadOptions) -> Extraction:
    """A mailbox as pages, mail after mail.

    Raises:
        UnreadableFile: no mail in it (reason `no_text`), damaged, too long.
    """
    data = _bytes(source)
    mails = [_parsed_mail(_parsed(mail), options.depth) for mail in _mails(data)]
    if not mails:
        raise no_text("mailbox")
    return _extraction(mails, options)


def _mails(data: bytes) -> Iterator[bytes]:
    """The mails of a mailbox; what stands before the first separator counts as one."""
    begin = 0
    for separator in _MAILBOX_LINE.finditer(data):
        if data[begin : separator.start()].strip():
            yield _QUOTED_FROM.sub(rb"\1", data[begin : separator.start()])
        begin = separator.end()
    if data[begin:].strip():
        yield _QUOTED_FROM.sub(rb"\1", data[begin:])


def _extraction(mails: list[ParsedMail], options: ReadOptions) -> Extraction:
    pages = MailPages(options)
    for mail in mails:
        pages.add_mail(mail)
    return pages.extraction(PARSER)


def _bytes(source: BinaryIO) -> bytes:
    data = source.read()
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


def parsed_mail_file(source: BinaryIO) -> Message:
    """A file in the form of a mail.

    Raises:
        UnreadableFile: damaged, or it does not begin with header lines.
    """
    message = _parsed(_bytes(source))
    if not message.keys():
        raise UnreadableFile(
            "The file is not a mail: it does not begin with header lines.", reason="damaged_file"
        )
    return message


def _parsed_mail(message: Message, depth: int) -> ParsedMail:
    headers = tuple((name, header(message, name.lower())) for name in _SHOWN)
    mail = ParsedMail(
        subject=header(message, "subject"),
        headers=tuple((name, value) for name, value in headers if value),
    )
    for part, is_alternative in leaves(message):
        _sort_in(mail, part, depth, is_alternative=is_alternative)
    return mail


def _sort_in(mail: ParsedMail, part: Message, depth: int, *, is_alternative: bool) -> None:
    """Put a part where it belongs: body, attachment or enclosed mail."""
    kind = part.get_content_type()
    if kind.startswith("multipart/"):  # its boundary is missing or never comes
        kind = "text/plain"
    name = file_name(part)
    if kind in ("message/rfc822", "message/global") and part.is_multipart():
        _enclose(mail, part, depth)
    elif kind in ("text/plain", "text/html") and part.get_content_disposition() != "attachment":
        if kind == "text/plain" and name and mail.plain:
            mail.attachments.append(Attachment(name, content(part)))
        else:
            _add_body(mail, part, kind, is_alternative=is_alternative)
    elif (data := content(part)).strip():
        inline = part.get_content_disposition() != "attachment" and "content-id" in part
        name = name or f"attachment.{'eml' if 'rfc822' in kind else part.get_content_subtype()}"
        mail.attachments.append(Attachment(name, data, inline))


def _add_body(mail: ParsedMail, part: Message, kind: str, *, is_alternative: bool) -> None:
    text, warning = text_of(part)
    if warning:
        mail.warnings.append(warning)
    if kind == "text/plain":
        mail.plain = f"{mail.plain}\n\n{text}" if mail.plain else text
    elif mail.plain.strip() and not is_alternative:
        mail.attachments.append(Attachment(file_name(part) or "text.html", text.encode()))
    else:
        assert isinstance(mail.html, str)
        mail.html = f"{mail.html}\n{text}" if mail.html else text


def _enclose(mail: ParsedMail, part: Message, depth: int) -> None:
    inner = part.get_payload(0)
    if depth >= DEEPEST or not isinstance(inner, Message):
        mail.warnings.append("A mail within the mail was not read: it lies too deep.")
        return
    mail.enclosed.append(_parsed_mail(inner, depth + 1))
