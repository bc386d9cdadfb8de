"""Counts the work that is done on a text: calls, and characters that slices and searches touch."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import ingest.clean.addresses
import ingest.clean.characters
import ingest.clean.repeated
import ingest.split.questions
import ingest.split.sections
import ingest.split.segments
import kb.text.sentences

MODULES = (
    ingest.clean.addresses,
    ingest.clean.characters,
    ingest.clean.repeated,
    ingest.split.questions,
    ingest.split.sections,
    ingest.split.segments,
    kb.text.sentences,
)
_count = 0


def _add(characters: int) -> None:
    global _count
    _count += characters


class CountedText(str):
    """A text whose slices, and whatever is done with all of it, count their characters."""

    def __getitem__(self, key: Any) -> str:
        part = super().__getitem__(key)
        _add(len(part))
        return CountedText(part) if isinstance(key, slice) else part


def _counted(name: str) -> Callable[..., Any]:
    def method(self: CountedText, *args: Any, **options: Any) -> Any:
        _add(len(self))
        done = getattr(str, name)(self, *args, **options)
        if isinstance(done, list):
            return [CountedText(part) for part in done]
        return CountedText(done) if isinstance(done, str) else done

    return method


def _searching(name: str) -> Callable[..., Any]:
    def method(self: CountedText, part: str, start: int = 0, end: int | None = None) -> Any:
        stop = len(self) if end is None else end
        found = getattr(str, name)(self, part, start, stop)
        reached = {"find": found - start, "rfind": stop - found}.get(name, stop - start)
        _add(max(0, stop - start) if found < 0 else max(0, reached))
        return found

    return method


for _name in ("strip", "lstrip", "rstrip", "split", "splitlines", "isspace", "casefold", "replace"):
    setattr(CountedText, _name, _counted(_name))
for _name in ("find", "rfind", "count"):
    setattr(CountedText, _name, _searching(_name))


class _Pattern:
    """A compiled pattern that counts the characters it goes over."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern

    def finditer(self, text: str, start: int = 0, end: int = sys.maxsize) -> Iterator[Any]:
        position = start
        for match in self._pattern.finditer(text, start, end):
            _add(match.end() - position)
            position = match.end()
            yield match
        _add(max(0, min(end, len(text)) - position))

    def search(self, text: str, start: int = 0, end: int = sys.maxsize) -> Any:
        match = self._pattern.search(text, start, end)
        _add((match.end() if match else min(end, len(text))) - start)
        return match

    def match(self, text: str, start: int = 0, end: int = sys.maxsize) -> Any:
        match = self._pattern.match(text, start, end)
        _add(match.end() - start if match else 1)
        return match

    def fullmatch(self, text: str) -> Any:
        _add(len(text))
        return self._pattern.fullmatch(text)

    def sub(self, by: Any, text: str) -> str:
        _add(len(text))
        return self._pattern.sub(by, text)

    def findall(self, text: str) -> list[Any]:
        _add(len(text))
        return self._pattern.findall(text)


def steps(work: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many steps some work takes: calls of functions, and characters gone over."""
    global _count
    with monkeypatch.context() as patched:
        for module in MODULES:
            for name, value in vars(module).items():
                if isinstance(value, re.Pattern):
                    patched.setattr(module, name, _Pattern(value))
        _count = 0
        sys.setprofile(lambda _frame, event, _arg: _add(event in ("call", "c_call")))
        try:
            work()
        finally:
            sys.setprofile(None)
    return _count
