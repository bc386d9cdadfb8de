"""Recordings as text, through an OpenAI-compatible `/audio/transcriptions` address.

Asked for `verbose_json`, servers say when each segment begins. Those that know less are asked again
for `json`; an answer of plain text is taken as well, and then has no times. No word of a server's
error gets into ours.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from kb.errors import UnreadableFile
from kb.settings_sections import TranscriptionSettings

_FORMATS = ("verbose_json", "json")
_UNKNOWN_FORMAT = (400, 415, 422)
_MAY_PASS = (408, 429, 500, 502, 503, 504)
_FIRST_PAUSE_S = 1.0
_MAX_BYTES = 64 * 1024 * 1024
"""Most that is read of an answer."""
_CHECK = "Check KB_TRANSCRIPTION__BASE_URL, and that its server runs; then retry the document."


@dataclass(frozen=True, slots=True)
class Segment:
    """What is said from one second of a recording to another; both are None if nobody says when."""

    start_s: float | None
    end_s: float | None
    text: str


class Transcriber:
    """One address. `base_url` may end in `/audio/transcriptions` or not."""

    def __init__(self, settings: TranscriptionSettings, base_url: str) -> None:
        address = base_url.rstrip("/").removesuffix("/audio/transcriptions")
        self._address = f"{address}/audio/transcriptions"
        self._settings = settings
        # A few bytes of a compressed body can become gigabytes.
        self._headers = {"Accept-Encoding": "identity"}
        if settings.api_key is not None:
            self._headers["Authorization"] = f"Bearer {settings.api_key.get_secret_value()}"

    def transcribe(
        self,
        path: Path,
        ending: str,
        media_type: str,
        pause: Callable[[float], object] = time.sleep,
    ) -> list[Segment]:
        """What is said in a file, in the order of its segments.

        Args:
            ending: such as ".mp3"; by it servers tell the format. They never learn the name.
            pause: waits so many seconds before the next try.

        Raises:
            UnreadableFile: the file is too large (reason `too_large`), or the server cannot be
                reached, refuses, or answers something else (`transcription_failed`).
        """
        size, most = path.stat().st_size, self._settings.max_bytes
        if size > most:
            raise UnreadableFile(
                f"The recording has {size:,} bytes, and KB_TRANSCRIPTION__MAX_BYTES allows "
                f"{most:,}. Raise it if the server takes more, or cut the recording.",
                reason="too_large",
            )
        formats = list(_FORMATS)
        tries = self._settings.retries
        while True:
            status, body = self._answer(path, f"recording{ending}", media_type, formats[0])
            if status == httpx.codes.OK:
                return _segments(body)
            if status in _UNKNOWN_FORMAT and len(formats) > 1:
                formats.pop(0)
            elif (status == 0 or status in _MAY_PASS) and tries:
                pause(_FIRST_PAUSE_S * 2 ** (self._settings.retries - tries))
                tries -= 1
            else:
                raise _failed(status, self._settings.timeout_s)

    def _answer(self, path: Path, name: str, media_type: str, wanted: str) -> tuple[int, bytes]:
        """Status and body; 0 where there is no answer."""
        fields = {"model": self._settings.model, "response_format": wanted}
        found = bytearray()
        end = time.monotonic() + self._settings.timeout_s
        try:
            # Redirects are not followed: they could lead the recording anywhere.
            with (
                path.open("rb") as recording,
                httpx.Client(timeout=self._settings.timeout_s, headers=self._headers) as client,
                client.stream(
                    "POST",
                    self._address,
                    data=fields,
                    files={"file": (name, recording, media_type)},
                ) as response,
            ):
                for block in response.iter_raw():
                    found += block
                    if len(found) > _MAX_BYTES or time.monotonic() > end:
                        return 0, b""
                return response.status_code, bytes(found)
        except httpx.HTTPError:
            return 0, b""


def _failed(status: int, timeout_s: float) -> UnreadableFile:
    if status:
        what = f"answered with HTTP {status}. See its log, and check KB_TRANSCRIPTION__MODEL and "
        what += "KB_TRANSCRIPTION__API_KEY; then retry the document."
    else:
        what = f"cannot be reached, or did not answer within {timeout_s:g} s. {_CHECK}"
    return UnreadableFile(f"The server for transcription {what}", reason="transcription_failed")


def _segments(body: bytes) -> list[Segment]:
    text = body.decode("utf-8", "replace")
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return [Segment(None, None, text.strip())]
    try:
        if not isinstance(answer, dict):
            raise TypeError
        timed = [_segment(item) for item in answer.get("segments") or ()]
        return timed or [Segment(None, None, str(answer["text"]).strip())]
    except (KeyError, TypeError, ValueError):
        raise UnreadableFile(
            f"The server for transcription sent something else than a transcript. {_CHECK}",
            reason="transcription_failed",
        ) from None


def _segment(item: Any) -> Segment:
    return Segment(float(item["start"]), float(item["end"]), str(item["text"]).strip())
