"""Text in pictures, through the `tesseract` command where it is installed: an option, never needed.

The command runs within the reader process's limits: pictures go in over stdin and text comes out
over stdout, because a reader may not write files. It ends when the reader is killed, being of its
process group.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from ingest.types import ReadOptions
from kb.errors import UnreadableFile

COMMAND = "tesseract"
DPI = 300
"""Resolution that pictures are said to have, and PDF pages are drawn in."""
_ANSWER_S = 10
_HAN = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff，。、；：？！（）《》“”"
_BLANK_BETWEEN_HAN = re.compile(rf"(?<=[{_HAN}])[ \t]+(?=[{_HAN}])")
_VERSION = re.compile(r"(\d+(?:\.\d+)+)")

HOW_TO_INSTALL = (
    "Pictures of text are read where Tesseract is installed (on Debian: apt-get install "
    "tesseract-ocr tesseract-ocr-chi-sim) with the extra `ocr`, which `make run` installs"
)


@dataclass(frozen=True, slots=True)
class Engine:
    """An installed OCR engine: where, which, and the languages to use."""

    path: str
    version: str
    languages: tuple[str, ...]
    missing: tuple[str, ...]

    def warnings(self) -> tuple[str, ...]:
        """What to tell about languages that are asked for and not installed."""
        if not self.missing:
            return ()
        return (f"OCR languages that are not installed: {', '.join(self.missing)}.",)


class Clock:
    """The time that OCR may take within one document."""

    def __init__(self, options: ReadOptions) -> None:
        self._end = time.monotonic() + options.ocr_seconds

    def left_s(self) -> float:
        """Seconds left, negative when the time is up."""
        return self._end - time.monotonic()


def engine(options: ReadOptions) -> Engine | None:
    """The engine, if it is installed with one of the wanted languages at least."""
    path = shutil.which(COMMAND)
    if path is None:
        return None
    version, installed = _described(path)
    wanted = [name for name in options.ocr_languages.split("+") if name]
    usable = tuple(name for name in wanted if name in installed)
    if not usable:
        return None
    return Engine(path, version, usable, tuple(name for name in wanted if name not in installed))


def recognise(found: Engine, picture: bytes, seconds: float) -> str:
    """The text in a picture.

    Args:
        found: the engine.
        picture: a PNG or PGM file.
        seconds: when to give up.

    Raises:
        TimeoutError: it took too long.
        UnreadableFile: the engine failed.
    """
    command = (found.path, "stdin", "stdout", "-l", "+".join(found.languages), "--dpi", str(DPI))
    try:
        done = _run(command, picture, seconds)
    except subprocess.TimeoutExpired as exc:
        raise TimeoutError from exc
    if done.returncode:
        raise UnreadableFile(
            f"The OCR engine failed (exit code {done.returncode}). Check that `tesseract` works on "
            "the server.",
            reason="ocr_failed",
        )
    text = done.stdout.decode("utf-8", "replace").replace("\f", "\n").strip()
    return _BLANK_BETWEEN_HAN.sub("", text)


@cache
def _described(path: str) -> tuple[str, frozenset[str]]:
    """Version and languages of the command; what it does not tell is empty."""
    try:
        version = _run((path, "--version"), b"", _ANSWER_S)
        languages = _run((path, "--list-langs"), b"", _ANSWER_S)
    except (subprocess.TimeoutExpired, OSError):
        return "0", frozenset()
    number = _VERSION.search((version.stdout + version.stderr).decode("utf-8", "replace"))
    listed = (languages.stdout + languages.stderr).decode("utf-8", "replace").split("\n")[1:]
    return number[1] if number else "0", frozenset(name.strip() for name in listed if name.strip())


def _run(
    command: Sequence[str], picture: bytes, seconds: float
) -> subprocess.CompletedProcess[bytes]:
    # One thread: the machine has other work, and more of them hardly help.
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    return subprocess.run(
        command, input=picture, capture_output=True, timeout=seconds, env=environment, check=False
    )
