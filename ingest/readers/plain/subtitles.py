"""SRT and WebVTT: what is said, as paragraphs that begin with their time; a page per ten minutes.

Cues are cut to fit a screen, so they are joined up to the end of a sentence; a paragraph ends
there once it is long enough, or where nobody speaks for a while. Page 7 is minutes 60 to 70.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from ingest.readers.pages import PageWriter, read_source
from ingest.types import Extraction, ReadOptions
from kb.text.sentences import joined

PARSER = "kb subtitles 1"

PAGE_S = 600

_TIMES = re.compile(
    r"[ \t]*(?:(\d{1,4}):)?([0-5]?\d):([0-5]?\d)[.,](\d{1,3})[ \t]*-->"
    r"[ \t]*(?:(\d{1,4}):)?([0-5]?\d):([0-5]?\d)[.,](\d{1,3})"
)
_VOICE = re.compile(r"<v(?:\.[\w.]+)?[ \t]+([^>]+)>")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<\d[\d:.]*>|\{\\[^{}]*\}")
_NOT_SPOKEN = re.compile(r"(?:WEBVTT|NOTE|STYLE|REGION)\b")
_SENTENCE_END = re.compile(r"[.!?。！？…][\"'”’」』）)]*$")
_PAUSE_S = 4.0
_LONG_ENOUGH = 400
_TOO_LONG = 1200


@dataclass(slots=True)
class _Paragraph:
    start_s: float
    end_s: float
    texts: list[str] = field(default_factory=list)
    length: int = 0


Cue = tuple[float, float, str]
"""Start and end in seconds, and text."""


def read_subtitles(source: BinaryIO, options: ReadOptions) -> Extraction:
    """One page per ten minutes that hold speech.

    Raises:
        UnreadableFile: no cues, too long, or the encoding is unknown.
    """
    found = read_source(source, options)
    writer = PageWriter(options)
    counts = {"repeated": 0}
    page = 0
    for paragraph in _paragraphs(_cues(found.text), counts):
        number = int(paragraph.start_s // PAGE_S) + 1
        if number > page:
            writer.turn_page(number)
            page = number
        writer.add("paragraph", f"[{_clock(paragraph.start_s)}] {joined(paragraph.texts)}")
    if repeated := counts["repeated"]:
        writer.warnings.append(f"{repeated} lines that repeat the cue before were left out.")
    read = writer.extraction(PARSER, "subtitle file", source=found)
    return replace(read, pages=tuple(page for page in read.pages if page.text), empty_pages=())


def _cues(text: str) -> Iterator[Cue]:
    """Every cue; a line without a time before the first one, or between cues, is not speech."""
    start = end = -1.0
    lines: list[str] = []
    for line in text.split("\n"):
        times = _TIMES.match(line)
        if times is None:
            lines.append(line)
            continue
        if start >= 0:
            yield start, end, "\n".join(_without_label(lines))
        start, end = _seconds(times, 1), _seconds(times, 5)
        lines = []
    if start >= 0:
        yield start, end, "\n".join(_spoken(lines))


def _without_label(lines: list[str]) -> list[str]:
    """The lines of a cue without the number or name of the next one, which stands above its time
    and below a blank line."""
    lines = _spoken(lines)
    if not lines or not lines[-1].strip():
        return lines
    is_number = lines[-1].strip().isdecimal()
    is_apart = len(lines) > 1 and not lines[-2].strip()
    return lines[:-1] if is_number or is_apart else lines


def _spoken(lines: list[str]) -> list[str]:
    for index, line in enumerate(lines):
        blank_before = index > 0 and not lines[index - 1].strip()
        if blank_before and _NOT_SPOKEN.match(line):
            return lines[:index]
    return lines


def _paragraphs(cues: Iterator[Cue], counts: dict[str, int]) -> Iterator[_Paragraph]:
    current: _Paragraph | None = None
    shown: list[str] = []
    for start, end, raw in cues:
        lines = [line for line in (_clean(line) for line in raw.split("\n")) if line]
        # Live captions roll: each cue shows the line before once more.
        fresh = [line for line in lines if line not in shown]
        counts["repeated"] += len(lines) - len(fresh)
        shown = lines or shown
        if not fresh:
            continue
        if current is not None and _ends_before(current, start):
            yield current
            current = None
        if current is None:
            current = _Paragraph(start, end)
        current.texts.extend(fresh)
        current.length += sum(map(len, fresh))
        current.end_s = max(current.end_s, end)
    if current is not None:
        yield current


def _ends_before(paragraph: _Paragraph, start_s: float) -> bool:
    if start_s // PAGE_S != paragraph.start_s // PAGE_S:
        return True
    if start_s - paragraph.end_s > _PAUSE_S or paragraph.length > _TOO_LONG:
        return True
    ends = _SENTENCE_END.search(paragraph.texts[-1]) is not None
    return ends and paragraph.length > _LONG_ENOUGH


def _clean(line: str) -> str:
    named = _VOICE.sub(lambda match: f"{match[1].strip()}: ", line)
    return " ".join(html.unescape(_TAG.sub("", named)).split())


def _seconds(times: re.Match[str], first: int) -> float:
    hours, minutes, seconds, fraction = (times[first + offset] or "0" for offset in range(4))
    whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return whole + int(fraction.ljust(3, "0")) / 1000


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
