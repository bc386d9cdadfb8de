"""Which kind of text a text is, by its extension and its first lines.

`ingest.sniff.media_types.sniff` asks here once it knows that the bytes are text. A first line that
cannot be anything else (mail headers, `WEBVTT`, `#!`) counts where the extension says nothing.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

MAIL = "message/rfc822"
MAILBOX = "application/mbox"
JSON = "application/json"
JSON_LINES = "application/x-ndjson"
SUBRIP = "application/x-subrip"
WEBVTT = "text/vtt"
SOURCE_CODE = "text/x-source"
CONFIGURATION = "text/x-configuration"

_SOURCE_EXTENSIONS = """
    .py .pyi .pyx .js .mjs .cjs .jsx .ts .tsx .vue .svelte .java .kt .kts .scala .groovy .c .h .cc
    .cpp .cxx .hh .hpp .m .mm .cs .go .rs .rb .php .pl .pm .lua .r .jl .swift .dart .sh .bash .zsh
    .fish .ps1 .bat .sql .css .scss .less .proto .graphql .tf .ex .exs .erl .hs .ml .clj .asm .vb
    """
_CONFIGURATION_EXTENSIONS = ".yaml .yml .toml .ini .cfg .conf .properties .editorconfig .service"
_BY_EXTENSION = {
    ".json": JSON,
    ".geojson": JSON,
    ".ipynb": JSON,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".srt": SUBRIP,
    ".vtt": WEBVTT,
    ".eml": MAIL,
    ".mbox": MAILBOX,
    **dict.fromkeys(_SOURCE_EXTENSIONS.split(), SOURCE_CODE),
    **dict.fromkeys(_CONFIGURATION_EXTENSIONS.split(), CONFIGURATION),
}
_BY_NAME = {"dockerfile": SOURCE_CODE, "makefile": SOURCE_CODE, "cmakelists.txt": SOURCE_CODE}
_SAYS_NOTHING = ("", ".txt", ".text", ".log", ".msg")

_HEADER = re.compile(rb"([!-9;-~]{1,60}):(?:[ \t]|\r?\n[ \t])")
_MAIL_HEADERS = frozenset(
    b"from to cc date subject received message-id mime-version return-path delivered-to "
    b"content-type reply-to sender x-mailer".split()
)
_FEWEST_MAIL_HEADERS = 3
_MAILBOX_START = re.compile(rb"From \S+ .*\d{4}\r?\n")


def text_type(head: bytes, name: str) -> str | None:
    """The media type of a text by its name and beginning; None if it is of no special kind.

    Args:
        head: its first bytes, without a byte order mark.
        name: the file's name.
    """
    path = PurePosixPath(name.lower())
    known = _BY_EXTENSION.get(path.suffix) or _BY_NAME.get(path.name)
    if known is not None or path.suffix not in _SAYS_NOTHING:
        return known
    if head.startswith(b"WEBVTT"):
        return WEBVTT
    if head.startswith(b"#!") and b"/" in head[:40]:
        return SOURCE_CODE
    mailbox = _MAILBOX_START.match(head)
    if _has_mail_headers(head[mailbox.end() :] if mailbox else head):
        return MAILBOX if mailbox else MAIL
    return None


def _has_mail_headers(head: bytes) -> bool:
    """Whether a text begins with a block of header lines, three of which only mails have."""
    block = re.split(rb"\r?\n\r?\n", head.lstrip(), maxsplit=1)[0]
    lines = [line for line in re.split(rb"\r?\n", block) if line and line[:1] not in b" \t"]
    names = [match[1].lower() for match in map(_HEADER.match, lines) if match]
    return len(names) > len(lines) * 0.8 and len(_MAIL_HEADERS & set(names)) >= _FEWEST_MAIL_HEADERS
