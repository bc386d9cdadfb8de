"""Outlook's MSG files, through python-oxmsg (MIT): the same pages as those of an EML.

A mail without a plain or HTML body has its text as compressed RTF, which is unpacked here and read
by the reader of RTF.

Source:
    [MS-OXRTFCP] "Rich Text Format (RTF) Compression Algorithm": LZ77 with a dictionary of 4,096
    bytes that begins with 207 known ones.
"""

from __future__ import annotations

import struct
from importlib.metadata import version
from io import BytesIO
from typing import BinaryIO

from olefile import OleFileIO
from oxmsg.domain import constants as known
from oxmsg.domain import model
from oxmsg.properties import Properties
from oxmsg.storage import Storage

from ingest.readers.mail.mail import decoded
from ingest.readers.mail.mail_pages import DEEPEST, Attachment, MailPages, ParsedMail
from ingest.types import Extraction, ReadOptions
from kb.errors import UnreadableFile

_COMPRESSED, _STORED = 0x75465A4C, 0x414C454D
_HEADER = struct.Struct("<IIII")
_KNOWN = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    b"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    b"\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_DICTIONARY = 4096
_MOST_BYTES = 64 * 1024 * 1024


def unpacked(data: bytes) -> bytes:
    """The RTF text; what comes behind damage is missing; empty if it is none at all."""
    if len(data) < _HEADER.size:
        return b""
    _, size, kind, _ = _HEADER.unpack_from(data)
    body = data[_HEADER.size :]
    if kind == _STORED:
        return body[:size]
    return _decompressed(body)[: min(size, _MOST_BYTES)] if kind == _COMPRESSED else b""


def _decompressed(body: bytes) -> bytes:
    window = bytearray(_KNOWN.ljust(_DICTIONARY, b"\x00"))
    write = len(_KNOWN)
    out = bytearray()
    position = 0
    while position < len(body) and len(out) < _MOST_BYTES:
        control = body[position]
        position += 1
        for bit in range(8):
            if position >= len(body):
                break
            if control >> bit & 1:
                if position + 2 > len(body):
                    return bytes(out)
                reference = int.from_bytes(body[position : position + 2], "big")
                position += 2
                offset, length = reference >> 4, (reference & 0xF) + 2
                if offset == write % _DICTIONARY:
                    return bytes(out)
                piece = bytearray()
                for step in range(length):
                    byte = window[(offset + step) % _DICTIONARY]
                    piece.append(byte)
                    window[(write + step) % _DICTIONARY] = byte
                write += length
                out += piece
            else:
                window[write % _DICTIONARY] = body[position]
                out.append(body[position])
                write += 1
                position += 1
    return bytes(out)


_ENCLOSED_HEADER_BYTES = 24
_ENCLOSED = "__substg1.0_3701000D"


def read_outlook(source: BinaryIO, options: ReadOptions) -> Extraction:
    """A mail as pages: the mail itself, then what is attached to it.

    Raises:
        UnreadableFile: no text (reason `no_text`), damaged, too long.
    """
    data = source.read()
    try:
        with OleFileIO(BytesIO(data)) as container:
            storage = Storage.from_ole(container)
        mail = _parsed_mail(storage, model.MSG_HDR_OFFSET, options.depth)
    except (MemoryError, UnreadableFile):
        raise
    except Exception as exc:  # a border: both libraries raise anything on damaged containers
        raise UnreadableFile(
            f"The mail is damaged ({type(exc).__name__}). Save it anew from Outlook.",
            reason="damaged_file",
        ) from exc
    pages = MailPages(options)
    pages.add_mail(mail)
    return pages.extraction(f"python-oxmsg {version('python-oxmsg')}")


def _parsed_mail(storage: Storage, header_bytes: int, depth: int) -> ParsedMail:
    properties = Properties(storage, properties_header_offset=header_bytes)
    subject = _text(properties, known.PID_SUBJECT)
    mail = ParsedMail(subject=subject, headers=_headers(properties, subject))
    mail.plain = _text(properties, known.PID_BODY)
    mail.html = _html(properties)
    if not mail.plain.strip() and not mail.html:
        rtf = unpacked(properties.binary_prop_value(known.PID_RTF_COMPRESSED) or b"")
        if rtf:
            mail.attachments.append(Attachment("body.rtf", rtf))
    for inner in storage.iter_attachment_storages():
        _attach(mail, inner, depth)
    return mail


def _headers(properties: Properties, subject: str) -> tuple[tuple[str, str], ...]:
    name = _text(properties, known.PID_SENDER_NAME)
    address = _text(properties, known.PID_SENDER_SMTP_ADDRESS)
    address = address or _text(properties, known.PID_SENDER_EMAIL_ADDRESS)
    sent = properties.date_prop_value(known.PID_CLIENT_SUBMIT_TIME)
    return (
        ("From", f"{name} <{address}>" if name and address else name or address),
        ("To", _text(properties, known.PID_DISPLAY_TO)),
        ("Cc", _text(properties, known.PID_DISPLAY_CC)),
        ("Date", sent.strftime("%Y-%m-%d %H:%M:%S %z").strip() if sent else ""),
        ("Subject", subject),
    )


def _text(properties: Properties, pid: int) -> str:
    try:
        return (properties.str_prop_value(pid) or "").strip("\x00")
    except (UnicodeError, LookupError):
        raw = properties.binary_prop_value(pid) or b""
        return decoded(raw, None)[0]


def _html(properties: Properties) -> str:
    data = properties.binary_prop_value(known.PID_HTML)
    if data is None:
        return _text(properties, known.PID_BODY_HTML)
    try:
        label: str | None = properties.body_encoding
    except (LookupError, ValueError):
        label = None
    return decoded(data, label)[0]


def _attach(mail: ParsedMail, storage: Storage, depth: int) -> None:
    properties = Properties(storage, properties_header_offset=model.ATTACH_HDR_OFFSET)
    name = _text(properties, known.PID_ATTACH_LONG_FILENAME)
    name = name or _text(properties, known.PID_ATTACH_FILENAME)
    enclosed = next((inner for inner in storage.storages if inner.name == _ENCLOSED), None)
    if enclosed is not None:
        if depth >= DEEPEST:
            mail.warnings.append("A mail within the mail was not read: it lies too deep.")
        else:
            mail.enclosed.append(_parsed_mail(enclosed, _ENCLOSED_HEADER_BYTES, depth + 1))
        return
    try:
        data = properties.binary_prop_value(known.PID_ATTACH_DATA_BINARY)
    except (KeyError, struct.error):
        data = None
    if data:
        inline = bool(_text(properties, known.PID_ATTACH_CONTENT_ID))
        mail.attachments.append(Attachment(name or "attachment", data, inline))
    else:
        mail.warnings.append(f"Attachment {name!r} was not read: the file does not hold it.")
