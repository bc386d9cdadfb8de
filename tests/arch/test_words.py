"""Every text of the pages can be said in every language that they speak."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator

from tests.arch.test_web import SCRIPTS, WEB

TEXT = r'"((?:[^"\\]|\\.)*)"'
SAID = re.compile(rf"\bt\(\s*{TEXT}")
COUNTED = re.compile(rf"\bcount\([^\"]*?{TEXT},\s*{TEXT}")
IN_HTML = re.compile(r'data-t>([^<]+)<|(?:aria-label|title|placeholder)="([^"]+)"')
ENTRY = re.compile(rf"^  {TEXT}:", re.MULTILINE)
PAGES = ("index.html", "console.html")


def said() -> Iterator[str]:
    for path in SCRIPTS:
        text = path.read_text(encoding="utf-8")
        for found in (*SAID.finditer(text), *COUNTED.finditer(text)):
            yield from (json.loads(f'"{group}"') for group in found.groups())
    for name in PAGES:
        for found in IN_HTML.finditer((WEB / name).read_text(encoding="utf-8")):
            yield (found[1] or found[2]).strip()


def translated() -> Iterator[str]:
    for path in (WEB / "words").glob("*.js"):
        entries = ENTRY.finditer(path.read_text(encoding="utf-8"))
        yield from (json.loads(f'"{found[1]}"') for found in entries)


def test_texts_are_found():
    assert {"Knowledge bases", "{n} document", "To the question box"} <= set(said())


def test_every_text_has_its_chinese_and_no_chinese_is_left_over():
    assert sorted(set(said()) - set(translated())) == []
    assert sorted(set(translated()) - set(said())) == []


def test_no_text_is_translated_twice():
    entries = sorted(translated())
    assert [one for one, other in itertools.pairwise(entries) if one == other] == []
