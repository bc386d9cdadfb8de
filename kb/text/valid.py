"""Text from a language model, made safe to store and send."""

from __future__ import annotations


def clean(text: str) -> str:
    """Half surrogate pairs become U+FFFD and NUL goes: either kills a stream or a database row."""
    if text.isascii() and "\0" not in text:
        return text
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return whole.replace("\0", "")
