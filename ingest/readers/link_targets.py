"""Where links lead: kept where the words of the link do not say it, else counted."""

from __future__ import annotations

import re

LINKS = "Link targets left out"

_FILE = re.compile(r"\.(?:pdf|docx?|xlsx?|pptx?|od[tps]|csv|zip|txt|epub|rtf)(?:[?#].*)?$", re.I)


def link_target(target: str, words: str) -> tuple[str, int]:
    """What stands behind the words of a link, and how many targets are left out: 0 or 1.

    A file, an address of mail and a telephone number are written where the words do not say them.
    Other addresses are counted, unless they lead to a place of the same text.
    """
    target = target.strip()
    scheme, colon, address = target.partition(":")
    if colon and scheme.lower() in ("mailto", "tel"):
        address = address.partition("?")[0]
        plain = re.sub(r"[^\w@+]", "", address)
        return "" if plain in re.sub(r"[^\w@+]", "", words) else f" ({address})", 0
    said = target.partition("://")[2].rstrip("/") or target
    if not target or target.startswith("#") or said in words:
        return "", 0
    return (f" ({target})", 0) if _FILE.search(target) else ("", 1)
