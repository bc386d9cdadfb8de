"""Recordings on their way to a reader: what is said in them stands in for them, as subtitles.

The reader's process has no network, so a recording is sent to its server before, from here. Where
no server is set, it goes on as it is, and its reader says which setting is missing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, TimeoutError
from contextlib import contextmanager

from ingest.sandbox.child import Unwanted
from ingest.sandbox.reader_process import SourceFile
from ingest.sniff.audio_types import AUDIO
from ingest.sniff.media_types import PLAIN, WEBVTT
from kb.errors import UnreadableFile
from kb.knowledge_base import KnowledgeBase
from kb.models.transcribe.transcribing import Segment, Transcriber

_POLL_S = 0.2


@contextmanager
def readable(
    kb: KnowledgeBase, source: SourceFile, is_wanted: Callable[[], bool]
) -> Iterator[SourceFile]:
    """A file as its reader can read it: a recording as subtitles, anything else as it is.

    Raises:
        UnreadableFile: as `Transcriber.transcribe` does, or nothing is said (reason `no_text`).
        Unwanted: meanwhile `is_wanted` has become false.
    """
    settings = kb.settings.transcription
    if source.media_type not in AUDIO or settings.base_url is None:
        yield source
        return
    said = _transcribed(source, Transcriber(settings, settings.base_url), is_wanted)
    if not any(segment.text for segment in said):
        raise UnreadableFile("Nothing is said in the recording.", reason="no_text")
    timed = all(segment.start_s is not None for segment in said)
    text = _subtitles(said) if timed else "\n\n".join(segment.text for segment in said)
    data = text.encode()
    staged = kb.originals.stage((data,), max_bytes=len(data))
    try:
        yield SourceFile(staged.path, WEBVTT if timed else PLAIN, "utf-8")
    finally:
        kb.originals.discard(staged)


def _transcribed(
    source: SourceFile, transcriber: Transcriber, is_wanted: Callable[[], bool]
) -> list[Segment]:
    """What the server says, in a thread: it may take minutes, which the end of the work may not."""
    found: Future[list[Segment]] = Future()
    over = threading.Event()

    def ask() -> None:
        try:
            media_type = source.media_type
            found.set_result(
                transcriber.transcribe(source.path, AUDIO[media_type], media_type, over.wait)
            )
        except BaseException as exc:  # a border: it is raised in the caller's thread
            found.set_exception(exc)

    threading.Thread(target=ask, name="transcription", daemon=True).start()
    try:
        while is_wanted():
            try:
                return found.result(_POLL_S)
            except TimeoutError:
                continue
    finally:
        over.set()
    raise Unwanted


def _subtitles(segments: Iterable[Segment]) -> str:
    cues = (
        f"{_clock(one.start_s)} --> {_clock(one.end_s)}\n{' '.join(one.text.split())}"
        for one in segments
    )
    return "\n\n".join(("WEBVTT", *cues, ""))


def _clock(seconds: float | None) -> str:
    milliseconds = round(max(0.0, seconds or 0.0) * 1000)
    whole = milliseconds // 1000
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{milliseconds % 1000:03}"
