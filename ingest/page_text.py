"""The form that page text has for ever: NFC, `\\n` line ends, no NUL, no lone surrogate.

Every reader passes its text through here before it counts a character; whatever happened to the
text afterwards would move every offset behind it.
"""

from __future__ import annotations

import re
import unicodedata

from ingest.types import ReadOptions
from kb.errors import UnreadableFile

_SURROGATE = re.compile("[\ud800-\udfff]")
_NEWLINE = re.compile("\r\n?")


def normalise(text: str) -> tuple[str, int]:
    """The final form of a text, and how many characters had to go: NULs are dropped, lone
    surrogates become U+FFFD."""
    scrubbed = 0
    if _SURROGATE.search(text):
        # Halves that stand side by side are one character; only what is left over is broken.
        broken = text.encode("utf-16-le", "surrogatepass")
        before = text.count("\ufffd")
        text = broken.decode("utf-16-le", "replace")
        scrubbed += text.count("\ufffd") - before
    if "\x00" in text:
        scrubbed += text.count("\x00")
        text = text.replace("\x00", "")
    if "\r" in text:
        text = _NEWLINE.sub("\n", text)
    return unicodedata.normalize("NFC", text), scrubbed


def scrub_warnings(scrubbed: int) -> tuple[str, ...]:
    """What to tell about characters that `normalise` took out."""
    if not scrubbed:
        return ()
    return (f"{scrubbed} NUL or broken characters were removed.",)


def check_length(characters: int, options: ReadOptions) -> None:
    """Refuse a document that holds more text than one document may.

    Raises:
        UnreadableFile: reason `too_large`.
    """
    if characters > options.max_characters:
        raise UnreadableFile(
            f"The document holds more than {options.max_characters:,} characters. Split it into "
            "several files, or raise KB_INGEST__MAX_CHARACTERS.",
            reason="too_large",
        )


def no_text(what: str) -> UnreadableFile:
    """The error for a file that is whole but holds no words."""
    return UnreadableFile(f"The {what} holds no text.", reason="no_text")
