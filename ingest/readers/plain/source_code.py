"""Source code and configuration files: quoted as they stand, never reflowed.

The lines that begin a class, a function or a section become headings, so that every chunk says
what it belongs to. They are found by the look of a line, in all languages alike: a parser for each
would find more and break on more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO

from ingest.readers.pages import normalise, read_source
from ingest.types import Extraction, ReadOptions
from kb.types import Block

PARSER = "kb source code 1"

_MODIFIERS = (
    r"(?:(?:export|default|declare|public|private|protected|internal|static|abstract|final|sealed|"
    r"open|override|virtual|async|partial|inline|extern|pub(?:\([a-z]+\))?|unsafe|const|data|"
    r"suspend|local)\s+)*"
)
_DEFINITION = re.compile(
    rf"{_MODIFIERS}(?:class|interface|trait|enum|struct|union|record|object|protocol|extension|"
    r"module|namespace|package|mod|impl|type|def|defp|defmodule|function|func|fn|fun|sub|macro|"
    r"macro_rules!|template|message|service|resource)"
    r"\b[ \t*&<]*(?:\([^()\n]*\)[ \t]*)?[A-Za-z_$<\[:][^;]*$"
)
_SQL = re.compile(
    r"create\s+(?:or\s+replace\s+)?(?:temp(?:orary)?\s+|unique\s+|materialized\s+)*"
    r"(?:table|view|function|procedure|trigger|index|type|schema|database|sequence)\b.*",
    re.IGNORECASE,
)
_ASSIGNED_FUNCTION = re.compile(
    r"(?:export\s+)?(?:const|let|var)\s+[\w$]+\s*(?::[^=]+)?=\s*(?:async\s*)?"
    r"(?:function\b|\([^()]*\)\s*(?::[^=]+)?=>|\w+\s*=>)"
)
_SHELL_FUNCTION = re.compile(r"[\w-]+\s*\(\)\s*\{?\s*$")
# A type, a name and parameters, as in C, Java and C#; statements end with a semicolon.
_TYPED_FUNCTION = re.compile(
    rf"{_MODIFIERS}(?:[A-Za-z_][\w:]*(?:<[^<>()]*>)?(?:\[\])?[\s*&]+)+[~\w:]+\s*\([^;{{}}]*"
    r"(?:\)[^;()]*)?$"
)
_STATEMENT = re.compile(
    r"(?:return|if|else|for|while|switch|case|do|throw|new|delete|using|goto)\b"
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|\n[ \t]*|[ntrf]|([:=#! \\\"']))")
_SECTION = re.compile(r"\[{1,2}[^\[\]\n]+\]{1,2}\s*(?:[#;].*)?$")
_TOP_KEY = re.compile(r"[\w.\"'/-]+:\s*(?:[|>&!][\w-]*\s*)?(?:#.*)?$")

_INDENT_OF_LEVEL_2 = 8
_LONGEST_HEADING = 160

LevelOf = Callable[[str], int]
"""How deep a line stands as a heading, 0 if it is none."""


def read_source_code(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The file as one page: definitions are headings, what is between them is code.

    Raises:
        UnreadableFile: no text, too long, or the encoding is unknown.
    """
    return _read(source, options, _definition_level)


def read_configuration(source: BinaryIO, options: ReadOptions) -> Extraction:
    """The file as one page: `[sections]` and outermost keys are headings.

    Raises:
        UnreadableFile: no text, too long, or the encoding is unknown.
    """
    return _read(source, options, _section_level)


def read_properties(source: BinaryIO, options: ReadOptions) -> Extraction:
    """A Java properties file as one page, with its escapes undone: `M\\u00fcller` is Müller.

    Raises:
        UnreadableFile: no text, too long, or the encoding is unknown.
    """
    found = read_source(source, options)
    plain = _ESCAPE.sub(
        lambda match: chr(int(match[1], 16)) if match[1] else match[2] or " ", found.text
    )
    text, _ = normalise(plain)
    return replace(found, text=text).as_page(_blocks(text, _section_level), PARSER, options)


def _read(source: BinaryIO, options: ReadOptions, level_of: LevelOf) -> Extraction:
    found = read_source(source, options)
    return found.as_page(_blocks(found.text, level_of), PARSER, options)


def _blocks(text: str, level_of: LevelOf) -> Iterator[Block]:
    """Headings, and the lines between them without blank ones at either end."""
    start = end = position = 0
    for line in text.split("\n"):
        behind = position + len(line)
        level = level_of(line)
        if level:
            if end > start:
                yield Block(1, start, end, "code")
            first = behind - len(line.lstrip())
            yield Block(1, first, position + len(line.rstrip()), "heading", level)
            start = end = behind + 1
        elif line.strip():
            start = position if end <= start else start
            end = behind
        position = behind + 1
    if end > start:
        yield Block(1, start, end, "code")


def _definition_level(line: str) -> int:
    code = line.strip()
    indent = len(line.expandtabs(4)) - len(line.expandtabs(4).lstrip())
    if not code or indent > _INDENT_OF_LEVEL_2 or len(code) > _LONGEST_HEADING:
        return 0
    if _STATEMENT.match(code) or not _defines(code, is_outermost=indent == 0):
        return 0
    return 1 if indent == 0 else 2


def _defines(code: str, *, is_outermost: bool) -> bool:
    if _DEFINITION.match(code):
        return True
    if not is_outermost:
        return code.endswith("{") and _TYPED_FUNCTION.match(code) is not None
    return any(
        shape.match(code) for shape in (_SQL, _ASSIGNED_FUNCTION, _SHELL_FUNCTION, _TYPED_FUNCTION)
    )


def _section_level(line: str) -> int:
    if len(line) > _LONGEST_HEADING:
        return 0
    return 1 if _SECTION.match(line) or _TOP_KEY.match(line) else 0
