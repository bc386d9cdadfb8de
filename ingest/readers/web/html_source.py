"""HTML bytes to a string that is safe to parse: the declared charset is honoured if it can be
true, and nesting is capped, because tree builders take quadratic time over deep trees (100,000
nested `<div>` took selectolax 59 s) and others drop the text below their limit silently.
"""

from __future__ import annotations

import re

from ingest.sniff.encodings import Decoded, codec_name, decode, decode_declared

MAX_DEPTH = 512

_DECLARED = re.compile(
    rb"<meta[^>]{1,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})|<\?xml[^>]{1,100}?encoding=[\"']([\w.:-]+)",
    re.IGNORECASE,
)
_DECLARED_WITHIN = 4096
_TAGS = re.compile(
    r"<!--.*?-->|<(script|style)\b.*?</\1\s*>|<(?P<close>/?)(?P<name>[a-zA-Z][a-zA-Z0-9-]*)[^>]*>",
    re.DOTALL | re.IGNORECASE,
)
# Closed by themselves or by their next sibling, so they say nothing about depth.
_SHALLOW_TAGS = """
    area base br col embed hr img input link meta param source track wbr html head body title p
    li dt dd tr td th tbody thead tfoot option optgroup colgroup rp rt
    """
_SHALLOW = frozenset(_SHALLOW_TAGS.split())


def decode_html(data: bytes, override: str | None) -> tuple[Decoded, str | None]:
    """The source of a page, and a warning if its declared charset cannot be true.

    Raises:
        UnreadableFile: reason `unknown_encoding`.
    """
    label = _declared(data)
    if override or label is None:
        return decode(data, override), None
    found, is_lie = decode_declared(data, label)
    if not is_lie:
        return found, None
    return found, f"The page declares {label} but is not; it was read as {found.encoding}."


def cap_depth(source: str) -> tuple[str, int]:
    """The source without tags nested deeper than `MAX_DEPTH`, and how many were taken out.

    Their text stays. The count of open tags is an estimate, good enough for a limit.
    """
    if source.count("<") <= MAX_DEPTH:
        return source, 0
    kept: list[str] = []
    position = depth = dropped = 0
    for match in _TAGS.finditer(source):
        name = match["name"]
        if name is None or name.lower() in _SHALLOW or match[0].endswith("/>"):
            continue
        deeper = depth > MAX_DEPTH if match["close"] else depth >= MAX_DEPTH
        depth = max(0, depth - 1) if match["close"] else depth + 1
        if deeper:
            kept.append(source[position : match.start()])
            position = match.end()
            dropped += 1
    return "".join([*kept, source[position:]]), dropped


def _declared(data: bytes) -> str | None:
    match = _DECLARED.search(data[:_DECLARED_WITHIN])
    if match is None:
        return None
    return codec_name((match[1] or match[2]).decode("ascii", "replace"))
