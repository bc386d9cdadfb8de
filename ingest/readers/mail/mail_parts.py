"""The parts of an Internet mail as bytes, headers and text: RFC 5322, MIME, and what people send.

Encoded words whose characters are cut in two, raw 8-bit headers, charsets that lie: all are read.
Structure comes from the standard library under its `compat32` policy, because its newer policy
parses every header when asked and raises on malformed ones.
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.message import Message
from email.policy import Compat32

from ingest.sniff.encodings import decode, decode_declared
from kb.errors import UnreadableFile

_WORD = re.compile(r"=\?([^?\s]*)\?([bBqQ])\?([^?]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(?==\?[^?\s]*\?[bBqQ]\?)")

AnyMessage = Message


class RawHeaders(Compat32):
    """The standard library's oldest policy, handing out headers as they stand: raw 8-bit bytes
    stay in them (as surrogates) instead of becoming question marks."""

    def header_fetch_parse(self, name: str, value: str) -> str:
        """The value as it was read."""
        return value


def header(message: AnyMessage, name: str) -> str:
    """A header as one line of readable text; several of one name are joined; absent: empty."""
    values = [value for key, value in message.raw_items() if key.lower() == name]
    return ", ".join(filter(None, (_readable(str(value)) for value in values)))


def file_name(part: AnyMessage) -> str:
    """The name under which a part was attached, or empty."""
    try:
        raw = part.get_filename() or ""
    except (ValueError, TypeError, LookupError, HeaderParseError):
        raw = ""
    return _readable(str(raw))


def content(part: AnyMessage) -> bytes:
    """The bytes of a part, transfer encoding undone as far as it is sound."""
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError, AssertionError):
        payload = None
    if isinstance(payload, bytes):
        return payload
    raw = part.get_payload()
    return raw.encode("utf-8", "surrogateescape") if isinstance(raw, str) else b""


def text_of(part: AnyMessage) -> tuple[str, str | None]:
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


def leaves(message: AnyMessage) -> Iterator[tuple[AnyMessage, bool]]:
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
