"""Recordings by their first bytes. No reader is there for them: `ingest.work.transcribing` turns
them into subtitles.

Containers of pictures and speech (MP4, WebM, Ogg) count as recordings: what is said is read.
"""

from __future__ import annotations

import re

AUDIO = {
    "audio/mpeg": ".mp3",
    "audio/wav": ".wav",
    "audio/ogg": ".ogg",
    "audio/flac": ".flac",
    "audio/webm": ".webm",
    "audio/mp4": ".m4a",
    "audio/aac": ".aac",
}
"""Media types, with the endings by which servers tell them."""

_STARTS = (
    (re.compile(rb"ID3[\x02-\x04]|\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef]"), "audio/mpeg"),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9][\x40-\x7f]"), "audio/aac"),
    (re.compile(rb"RIFF.{4}WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb"OggS\x00"), "audio/ogg"),
    (re.compile(rb"fLaC"), "audio/flac"),
    (re.compile(rb"\x1aE\xdf\xa3"), "audio/webm"),
    (
        re.compile(rb".{4}ftyp(?:M4[ABV]|iso[2-6m]|mp4[12]|dash|3g[p2]|qt  )", re.DOTALL),
        "audio/mp4",
    ),
)


def audio_type(head: bytes) -> str | None:
    """The media type of a recording; None if it is none."""
    return next((media_type for start, media_type in _STARTS if start.match(head)), None)
